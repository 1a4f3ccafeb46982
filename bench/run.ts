// Measures the workloads one after the other, and notes how busy the machine was with other things meanwhile.
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { format } from "node:util";

import { microseconds, show } from "./lib/figures.ts";
import { cpuMsOfMachine, cpuMsOfTrees } from "./lib/usage.ts";
import type { Bench, Key, Measured, Workload } from "./lib/workload.ts";

export type Row = Measured & {
  workload: Workload;
  seconds: number;
  /** Processors that other programs used meanwhile; above a third, the figures are disturbed. */
  foreignCores: number;
  /** One-minute load average when it began: what was going on before us. */
  loadBefore: number;
};

const MOST_MS = 900_000;

export type Outcome = { rows: Row[]; failed: Key[] };

/** One that fails does not take the others' figures along. */
export async function run(workloads: readonly Workload[], bench: Bench): Promise<Outcome> {
  const outcome: Outcome = { rows: [], failed: [] };
  for (const workload of workloads)
    try {
      outcome.rows.push(await measure(workload, bench));
    } catch (error) {
      outcome.failed.push(workload.key);
      bench.note(`${workload.key} failed: ${format(error)}`);
    }
  return outcome;
}

async function measure(workload: Workload, bench: Bench): Promise<Row> {
  const [loadBefore = Number.NaN] = loadavg();
  const before = await look();
  const measured = await Promise.race([workload.measure(bench), tooLong(workload)]);
  const after = await look();
  const seconds = (after.at - before.at) / 1e6;
  const foreignMs = after.machineMs - before.machineMs - (after.ownMs - before.ownMs);
  const foreignCores = Math.max(0, foreignMs / 1_000 / seconds);
  bench.note(
    `${workload.key} took ${show(seconds)} s, others used ${foreignCores.toFixed(2)} processors`,
  );
  return { ...measured, workload, seconds, foreignCores, loadBefore };
}

/** Something that never comes must not be waited for all night. */
async function tooLong({ key }: Workload): Promise<never> {
  await delay(MOST_MS, undefined, { ref: false });
  throw new Error(`${key} is not done after ${MOST_MS} ms`);
}

async function look(): Promise<{ at: number; machineMs: number; ownMs: number }> {
  const [ownMs = 0] = await cpuMsOfTrees([process.pid]);
  return { at: microseconds(), machineMs: await cpuMsOfMachine(), ownMs };
}
