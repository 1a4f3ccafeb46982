// Puts a run's results where they are kept: all of it as JSON, the table, the charts.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import type { Options } from "../options.ts";
import { WORKLOADS } from "../workloads/all.ts";
import { chartOf } from "./chart.ts";
import type { Report } from "./report.ts";
import { updateReadme, type Recovery } from "./readme.ts";
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
  if (options.readme) await updateReadme("README.md", report, await recoveryIn(out));
  // what is written is checked as everything else is
  const written = [`${base}.json`, `${base}.md`, ...(options.readme ? ["README.md"] : [])];
  await promisify(execFile)("node_modules/.bin/oxfmt", written);
  return `results are in ${base}.json and ${base}.md`;
}

function headOf({ at, machine, rounds, workloads }: Report): string {
  const { cpu, cpus, memoryGb, node } = machine;
  const busiest = Math.max(...Object.values(workloads).map(({ foreignCores }) => foreignCores));
  return `Measured ${at} on ${cpus} × ${cpu}, ${memoryGb} GiB, Node ${node}; medians of ${rounds}; other programs used at most ${busiest.toFixed(2)} processors.`;
}

/** Undefined where `npm run bench:recovery` has left nothing. */
async function recoveryIn(dir: string): Promise<Recovery | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, "recovery.json"), "utf8")) as Recovery;
  } catch {
    return undefined;
  }
}
