// What a seed stands for: who takes part, what is asked of them, how the weather is, and what goes wrong when.
import type { JobSpec } from "../../src/shared/spec.ts";
import type { Weather } from "./connection.ts";
import type { Random } from "./random.ts";
import type { Moods } from "./server.ts";
import type { Stage } from "./sim-broker.ts";
import { HANDLER, type Work, type WorkerPlan } from "./worker-station.ts";

export type Errand = {
  at: number;
  spec: JobSpec;
  key?: string;
  /** Asked for so long after it was accepted. */
  cancelMs?: number;
  /** Tried again by hand so long after it was accepted, if it is over by then. */
  retryMs?: number;
  /** Sent once more, over any scheduler, so long after the first time. */
  againMs?: number;
};

/** What strikes one process. */
export type Blow =
  | "kill_worker"
  | "pause_worker"
  | "cut_worker"
  | "reset_worker"
  | "drain_worker"
  | "cordon_worker"
  | "kill_scheduler"
  | "pause_scheduler"
  | "cut_scheduler"
  | "reset_scheduler"
  | "stop_scheduler";

/** What strikes what all of them share. */
export type Disaster =
  | "kill_broker"
  | "pause_broker"
  | "elect"
  | "pause_queue"
  | "stale_leader"
  | "kill_everything";

export type Trouble = {
  at: number;
  /** How long it lasts, or until the victim is started again. */
  forMs: number;
  what: Blow | Disaster;
  /** Strikes at the victim's next publish under this prefix instead of at an instant. */
  trap?: { stage: Stage; prefix: string };
};

export type Scenario = {
  schedulers: number;
  workers: WorkerPlan[];
  replicas: 1 | 3;
  weather: Weather;
  moods: Moods;
  errands: Errand[];
  troubles: Trouble[];
  /** From then on nothing goes wrong. */
  calmAt: number;
  /** Once it is quiet, it is tested for promptness as well. */
  isProbed: boolean;
};

export const CAPPED = { queue: "capped", maxRunning: 2 };
export const CALM: { weather: Weather; moods: Moods } = {
  weather: { maxDelayMs: 2 },
  moods: { dropPush: 0, swallow: 0, silence: 0, lagMs: 0 },
};

const FIRST_MS = 200;
/** Most histories are short; what takes long to be noticed needs long ones. */
const SHORT = { errandsMs: 2_500, troublesMs: 3_000, calmMs: 5_000 };
const LONG = { errandsMs: 6_000, troublesMs: 8_000, calmMs: 14_000 };
const LONG_SHARE = 0.25;
const PROBED_SHARE = 0.3;

const KINDS: readonly Trouble["what"][] = [
  "kill_worker",
  "kill_worker",
  "pause_worker",
  "cut_worker",
  "reset_worker",
  "drain_worker",
  "cordon_worker",
  "kill_scheduler",
  "kill_scheduler",
  "stop_scheduler",
  "pause_scheduler",
  "pause_scheduler",
  "cut_scheduler",
  "cut_scheduler",
  "reset_scheduler",
  "kill_broker",
  "pause_broker",
  "elect",
  "pause_queue",
  "stale_leader",
  "kill_everything",
];

const TRAPS = {
  worker: ["mr.job.", "$KV.mr_workers."],
  scheduler: ["mr.job.", "mr.assign.", "mr.assign.", "$KV.mr_leader."],
} as const;

export function drawScenario(random: Random): Scenario {
  const { errandsMs, troublesMs, calmMs } = random.chance(LONG_SHARE) ? LONG : SHORT;
  const workers = Array.from({ length: random.int(1, 3) }, (_, index) => drawWorker(random, index));
  return {
    schedulers: random.pick([1, 2, 2, 2, 3]),
    workers,
    replicas: random.pick([1, 1, 3]),
    weather: { maxDelayMs: random.pick([2, 5, 20, 100]) },
    moods: drawMoods(random),
    errands: Array.from({ length: random.int(3, 11) }, (_, index) =>
      drawErrand(random, index, errandsMs, workers),
    ),
    troubles: Array.from({ length: random.int(0, 4) }, () => drawTrouble(random, troublesMs)),
    calmAt: calmMs,
    isProbed: random.chance(PROBED_SHARE),
  };
}

function drawWorker(random: Random, index: number): WorkerPlan {
  return {
    name: `w${index}`,
    slots: random.int(1, 3),
    labels: { zone: random.pick(["a", "b"]) },
  };
}

function drawMoods(random: Random): Moods {
  const often = random.pick([0, 0, 0.01, 0.05]);
  return {
    dropPush: random.pick([0, often, 0.2]),
    swallow: random.chance(0.3) ? often : 0,
    silence: random.chance(0.3) ? often : 0,
    lagMs: random.pick([0, 0, 0, 300]),
  };
}

function drawErrand(
  random: Random,
  index: number,
  withinMs: number,
  workers: readonly WorkerPlan[],
): Errand {
  const bursts = random.chance(0.3);
  const at = FIRST_MS + (bursts ? (random.int(0, 3) * withinMs) / 4 : random.between(0, withinMs));
  const cancelled = random.chance(0.2);
  return {
    at,
    spec: { ...drawSpec(random, workers), labels: { ref: `ref${index}` } },
    ...(random.chance(0.2) ? { key: `key${index}`, againMs: random.spread(1, 3_000) } : {}),
    ...(cancelled ? { cancelMs: random.spread(1, 4_000) } : {}),
    ...(random.chance(0.1) ? { retryMs: random.spread(100, 5_000) } : {}),
  };
}

function drawSpec(random: Random, workers: readonly WorkerPlan[]): JobSpec {
  const work: Work = {
    ms: random.spread(1, 4_000),
    fails: random.pick([0, 0, 0, 1, 2]),
    deafMs: random.pick([0, 0, 500]),
    lines: random.pick([0, 0, 1]),
  };
  const spec: JobSpec = { handler: HANDLER, input: work };
  if (random.chance(0.6))
    spec.retry = { attempts: random.int(1, 3), backoff: { initial: "300ms", max: "1s" } };
  const able = random.pick(workers); // somebody can always do it
  const extras: readonly (() => void)[] = [
    () => (spec.queue = CAPPED.queue),
    () => (spec.priority = random.int(0, 9)),
    () => (spec.delay = `${random.int(1, 2_000)}ms`),
    () => (spec.startWithin = `${random.int(50, 3_000)}ms`),
    () => (spec.timeout = `${random.int(10, 3_000)}ms`),
    () => (spec.onWorkerLost = "fail"),
    () => (spec.stopOnDisconnect = "4s"),
    () => (spec.slots = able.slots),
    () => (spec.worker = able.name),
    () => (spec.require = [`zone=${able.labels["zone"]}`]),
    () => (spec.prefer = ["zone=a"]),
  ];
  for (const add of extras) if (random.chance(0.12)) add();
  return spec;
}

function drawTrouble(random: Random, withinMs: number): Trouble {
  const what = random.pick(KINDS);
  const role = what.endsWith("_scheduler") ? "scheduler" : "worker";
  const trappable = what === `kill_${role}` || what === `pause_${role}` || what === `reset_${role}`;
  return {
    at: random.between(FIRST_MS, withinMs),
    forMs: random.spread(100, 12_000),
    what,
    ...(trappable && random.chance(0.6)
      ? {
          trap: {
            stage: random.pick(["before", "sent", "answered"] as const),
            prefix: random.pick<string>(TRAPS[role]),
          },
        }
      : {}),
  };
}
