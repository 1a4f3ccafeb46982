// The part of README.md that says how fast it is: one row for each workload, and what a crash costs.
import { readFile, writeFile } from "node:fs/promises";

import { show } from "../lib/figures.ts";
import type { Entry, Report } from "./report.ts";
import { cellsOf, rowOf } from "./table.ts";

const BEGIN = "<!-- npm run bench -- --readme writes what follows -->";
const END = "<!-- up to here -->";
const HEAD = [
  ["", "What", "Value", "CPU ms/job", "Beside", "Ratio", "Target", "Met"],
  ["---", "---", "---:", "---:", "---", "---:", "---:", "---"],
];

/** What `npm run bench:recovery` left. */
export type Recovery = Record<"workerBackMs" | "workerLostBytes", { p50: number; max: number }>;

export async function updateReadme(
  path: string,
  report: Report,
  recovery: Recovery | undefined,
): Promise<void> {
  const readme = await readFile(path, "utf8");
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${path} has no place for the figures: ${BEGIN} … ${END}`);
  const part = `${BEGIN}\n\n${figuresOf(report, recovery)}\n\n${END}`;
  await writeFile(path, `${before}${part}${after}`);
}

function figuresOf(report: Report, recovery: Recovery | undefined): string {
  const sections = Object.entries(report.workloads);
  const rows = sections.map(([key, section]) => cellsOf(key, section));
  const published = [...publishedOf(report), ...(recovery ? crashRowsOf(recovery) : [])];
  const durability = sections.map(([key, section]) => `${key}: ${section.durability}.`);
  return [
    ...[...HEAD, ...rows].map(rowOf),
    "",
    "What other runners do not publish:",
    "",
    ...published.map(([what, value]) => `- ${what}: ${value}`),
    "",
    `What survives what (R1: one copy, file: on disk as the system writes it, which survives \`kill -9\` of every process but not the loss of power). ${durability.join(" ")}`,
  ].join("\n");
}

type Line = readonly [what: string, value: string];

function publishedOf({ workloads }: Report): Line[] {
  const firstByte = (workloads.F3?.more ?? []).filter(({ what }) =>
    /first output byte.*p\d/.test(what),
  );
  const output = workloads.F4 === undefined ? [] : [workloads.F4];
  return [...firstByte, ...output].map((entry): Line => [entry.what, valueOf(entry)]);
}

const valueOf = ({ value, unit }: Entry): string => `${show(value)} ${unit}`;

const crashRowsOf = ({ workerBackMs, workerLostBytes }: Recovery): Line[] => [
  [
    "`kill -9` of a worker → its job runs on another one",
    `${show(workerBackMs.p50 / 1_000)} s p50, ${show(workerBackMs.max / 1_000)} s at most`,
  ],
  [
    "output lost with it, of a job that writes 1,000 bytes every 10 ms",
    `${show(workerLostBytes.p50)} bytes p50, ${show(workerLostBytes.max)} at most`,
  ],
];
