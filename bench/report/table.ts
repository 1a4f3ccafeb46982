// The results as a Markdown table.
import { show } from "../lib/figures.ts";
import type { Entry, Report } from "./report.ts";

const HEAD = [
  "| | Workload | Value | CPU ms/job | Floor | Ratio | Target | Met |",
  "| --- | --- | ---: | ---: | --- | ---: | ---: | --- |",
];

export function tableOf({ workloads }: Report): string {
  const rows = Object.entries(workloads).flatMap(([key, section]) => [
    rowOf(cellsOf(key, section)),
    ...section.more.map((entry) => rowOf(cellsOf("", entry))),
  ]);
  const durability = Object.entries(workloads).map(
    ([key, section]) => `- ${key}: ${section.durability}`,
  );
  return [...HEAD, ...rows, "", "What survives what:", "", ...durability].join("\n");
}

export const rowOf = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

export function cellsOf(key: string, entry: Entry): string[] {
  const { what, value, unit, cpuMsPerJob, floor, floorIs, ratio, met } = entry;
  return [
    key,
    what,
    `${show(value)} ${unit}`,
    cpuMsPerJob === null ? "" : show(cpuMsPerJob),
    floor === null ? "" : `${show(floor)}, ${floorIs}`,
    ratio === null ? "" : show(ratio),
    targetText(entry),
    met === null ? "" : met ? "yes" : "no",
  ];
}

function targetText({ target, targetOf, better, unit }: Entry): string {
  if (target === null) return "";
  const sign = better === "higher" ? "≥" : "≤";
  return `${sign} ${show(target)}${targetOf === "ratio" ? "×" : ` ${unit}`}`;
}
