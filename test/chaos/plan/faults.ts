// The faults of a run, drawn from its seed.
import type { FaultKind } from "../checker/history.ts";
import { createRandom, type Random } from "./random.ts";

/** Which direction is held: out = towards the broker, in = from it. */
export type Way = "both" | "out" | "in";

export type PlannedFault = {
  /** Milliseconds after the start of the run. */
  atMs: number;
  fault: FaultKind;
  /** How long it lasts; for a kill, how long the target stays down. */
  lastsMs: number;
  /** Picks the target among those that there are; a leader-minded fault takes the leader. */
  pick: number;
  leader: boolean;
  way: Way;
};

const WEIGHTS: Record<FaultKind, number> = {
  kill_worker: 16,
  pause_worker: 10,
  cut_worker: 12,
  delay_worker: 4,
  reset_worker: 5,
  drain_worker: 7,
  kill_scheduler: 12,
  pause_scheduler: 8,
  cut_scheduler: 7,
  reset_scheduler: 4,
  kill_broker: 8,
  pause_broker: 5,
  kill_everything: 4,
};

/** Shorter and longer than what a heartbeat, a lease or a patience lasts. */
const LASTS: Record<FaultKind, (random: Random) => number> = {
  kill_worker: (random) =>
    random.chance(0.5) ? random.int(200, 3_000) : random.int(12_000, 16_000),
  pause_worker: (random) =>
    random.chance(0.5) ? random.int(1_000, 5_000) : random.int(12_000, 18_000),
  cut_worker: (random) =>
    random.chance(0.4) ? random.int(1_000, 5_000) : random.int(8_000, 16_000),
  delay_worker: (random) => random.int(3_000, 10_000),
  reset_worker: () => 0,
  drain_worker: () => 0,
  kill_scheduler: (random) => random.int(200, 2_000),
  pause_scheduler: (random) => random.int(1_500, 14_000),
  cut_scheduler: (random) => random.int(1_500, 12_000),
  reset_scheduler: () => 0,
  kill_broker: (random) => random.int(300, 4_000),
  pause_broker: (random) => random.int(1_000, 6_000),
  kill_everything: (random) => random.int(300, 3_000),
};

const FIRST_MS = 3_000;
/** The time between two faults. */
const GAP_MS = { least: 1_500, most: 6_000 };

export function planFaults(options: { seed: number; seconds: number }): PlannedFault[] {
  const random = createRandom(options.seed + 1);
  const faults: PlannedFault[] = [];
  for (
    let atMs = FIRST_MS;
    atMs < options.seconds * 1_000;
    atMs += random.int(GAP_MS.least, GAP_MS.most)
  ) {
    const fault = random.weighted(WEIGHTS);
    faults.push({
      atMs,
      fault,
      lastsMs: LASTS[fault](random),
      pick: random.int(0, 1_000_000),
      leader: random.chance(0.7),
      way: random.pick(["both", "out", "in"]),
    });
  }
  return faults;
}
