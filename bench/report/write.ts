// Puts a run's results where they are kept: all of it as JSON, the table, the charts.
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import type { Options } from "../options.ts";
import { WORKLOADS } from "../workloads/all.ts";
import { chartOf } from "./chart.ts";
import type { Report } from "./report.ts";
import { tableOf } from "./table.ts";

/** Returns where they are. A run of some workloads or a quick one does not replace a full one. */
export async function writeResults(report: Report, options: Options): Promise<string> {
  const { out, quick, only } = options;
  const run = [
    report.at.slice(0, 10),
    ...(quick ? ["quick"] : []),
    ...(only.length < WORKLOADS.length ? only : []),
  ];
  const base = join(out, run.join("-"));
  await mkdir(out, { recursive: true });
  await writeFile(`${base}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  for (const curve of report.curves) await writeFile(`${base}-${curve.name}.svg`, chartOf(curve));
  const charts = report.curves.map(({ name, title }) => {
    const file = `${basename(base)}-${name}.svg`;
    return `![${title}](${file})`;
  });
  const parts = [headOf(report), tableOf(report), ...charts];
  await writeFile(`${base}.md`, `${parts.join("\n\n")}\n`);
  return `results are in ${base}.json and ${base}.md`;
}

function headOf({ at, machine, rounds, workloads }: Report): string {
  const { cpu, cpus, memoryGb, node } = machine;
  const busiest = Math.max(...Object.values(workloads).map(({ foreignCores }) => foreignCores));
  return `Measured ${at} on ${cpus} × ${cpu}, ${memoryGb} GiB, Node ${node}; medians of ${rounds}; other programs used at most ${busiest.toFixed(2)} processors.`;
}
