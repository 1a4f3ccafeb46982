// What a run comes to: medians, ratios, and whether targets are met.
import { cpus, totalmem } from "node:os";

import type { Role } from "../lib/installation.ts";
import { median } from "../lib/figures.ts";
import type { Curve, Figure, Key } from "../lib/workload.ts";
import type { Options } from "../options.ts";
import type { Row } from "../run.ts";

export type Entry = {
  what: string;
  value: number;
  unit: string;
  /** Smallest and largest of the rounds. */
  spread: readonly [number, number];
  floor: number | null;
  floorIs: string | null;
  ratio: number | null;
  target: number | null;
  targetOf: "ratio" | "value" | null;
  /** Whether the target is met; null when there is nothing to compare with. */
  met: boolean | null;
  better: "higher" | "lower";
  cpuMsPerJob: number | null;
  cpuMsPerJobBy?: Readonly<Record<Role, number>>;
  durability: string;
};

export type Section = Entry & {
  title: string;
  more: Entry[];
  seconds: number;
  foreignCores: number;
  loadBefore: number;
};

export type Report = {
  at: string;
  machine: { cpu: string; cpus: number; memoryGb: number; node: string };
  rounds: number;
  quick: boolean;
  huge: boolean;
  workloads: Partial<Record<Key, Section>>;
  curves: Curve[];
};

export function reportOf(rows: readonly Row[], { rounds, quick, huge }: Options): Report {
  const [first] = cpus();
  return {
    at: new Date().toISOString(),
    machine: {
      cpu: first?.model.trim() ?? "unknown",
      cpus: cpus().length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    rounds,
    quick,
    huge,
    workloads: Object.fromEntries(rows.map((row) => [row.workload.key, sectionOf(row)])),
    curves: rows.flatMap(({ curves = [] }) => curves),
  };
}

/** For machines: the first figure of every workload. */
export const jsonLine = ({ workloads }: Report): string => JSON.stringify(workloads);

function sectionOf({ workload, figures, seconds, foreignCores, loadBefore }: Row): Section {
  const [first, ...more] = figures;
  const { title, durability } = workload;
  return {
    title,
    ...entryOf(first, durability),
    more: more.map((figure) => entryOf(figure, durability)),
    seconds,
    foreignCores,
    loadBefore,
  };
}

function entryOf(figure: Figure, durability: string): Entry {
  const { what, unit, better, samples, floor, target = NO_TARGET, cpuMsPerJobBy } = figure;
  const value = median(samples);
  const floorValue = medianOr(floor?.samples);
  const ratio = floorValue === null ? null : value / floorValue;
  const compared = target.of === "value" ? value : ratio;
  return {
    what,
    value,
    unit,
    spread: [Math.min(...samples), Math.max(...samples)],
    floor: floorValue,
    floorIs: floor?.what ?? null,
    ratio,
    target: target.limit,
    targetOf: target.of,
    met: reaches(compared, target.limit, better),
    better,
    cpuMsPerJob: medianOr(figure.cpuMsPerJob),
    ...(cpuMsPerJobBy === undefined ? {} : { cpuMsPerJobBy }),
    durability,
  };
}

const NO_TARGET = { of: null, limit: null };

const medianOr = (samples: readonly number[] | undefined): number | null =>
  samples === undefined ? null : median(samples);

function reaches(
  value: number | null,
  limit: number | null,
  better: Figure["better"],
): boolean | null {
  if (value === null || limit === null) return null;
  return better === "higher" ? value >= limit : value <= limit;
}
