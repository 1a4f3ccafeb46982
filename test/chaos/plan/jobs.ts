// The jobs of a run, drawn from its seed: of every kind that has ever given a runner trouble.
import type { JobSpec } from "../../../src/shared/spec.ts";
import { createRandom, type Random } from "./random.ts";

export type PlannedJob = {
  /** Milliseconds after the start of the run. */
  atMs: number;
  /** Names what is meant to become one job. */
  ref: string;
  spec: JobSpec;
  /** Idempotency key. */
  key?: string;
  /** How often it is submitted at the same moment. */
  copies: number;
  /** Somebody cancels it so long after it was accepted. */
  cancelAfterMs?: number;
  /** Somebody tries it again when it has failed or was cancelled. */
  retryByHand: boolean;
};

/** What jobs/job.sh is told. */
type Script = {
  blocks: number;
  lines: number;
  pause: number;
  note?: number;
  failures?: number;
  exit?: number;
  signal?: string;
  stray?: "quiet" | "loud";
  stubborn?: true;
};

type Kind = { script: Script; spec?: JobSpec };

const JOB = new URL("../jobs/job.sh", import.meta.url).pathname;
export const NARROW = { queue: "narrow", maxRunning: 2 } as const;
const QUICKLY = { initial: "200ms", max: "1s" } as const;

const short: Script = { blocks: 1, lines: 20, pause: 0 };
const lasting = (random: Random, most = 16): Script => ({
  blocks: random.int(4, most),
  lines: 10,
  pause: 0.25,
});

const WEIGHTS = {
  instant: 26,
  slow: 14,
  failing: 8,
  hopeless: 3,
  crashing: 5,
  stubborn: 4,
  forking: 5,
  flooding: 5,
  silent: 4,
  overdue: 4,
  delayed: 5,
  pinned: 3,
  constrained: 4,
  wide: 3,
  perishable: 3,
  once: 4,
  tethered: 3,
  narrow: 4,
} as const;

const KINDS: Record<keyof typeof WEIGHTS, (random: Random) => Kind> = {
  instant: () => ({ script: short }),
  slow: (random) => ({ script: lasting(random) }),
  failing: (random) => ({
    script: { ...short, failures: random.int(1, 2), exit: random.int(1, 255) },
    spec: { retry: { attempts: 3, backoff: QUICKLY } },
  }),
  hopeless: () => ({
    script: { ...short, failures: 1_000, exit: 4 },
    spec: { retry: { attempts: 2, backoff: QUICKLY } },
  }),
  crashing: (random) => ({
    script: { ...short, signal: random.pick(["SEGV", "ABRT", "KILL", "HUP"]) },
    spec: { retry: { attempts: random.int(1, 2), backoff: QUICKLY, on: ["signalled"] } },
  }),
  stubborn: () => ({
    script: { blocks: 40, lines: 5, pause: 0.25, stubborn: true },
    spec: { timeout: "1s", grace: "1s" },
  }),
  forking: (random) => ({ script: { ...short, stray: random.pick(["quiet", "loud"]) } }),
  flooding: () => ({ script: { blocks: 60, lines: 400, pause: 0, note: 20 } }),
  silent: () => ({ script: { blocks: 4, lines: 0, pause: 0.25 } }),
  overdue: () => ({ script: { blocks: 40, lines: 5, pause: 0.25 }, spec: { timeout: "1s" } }),
  delayed: (random) => ({ script: short, spec: { delay: `${random.int(500, 4_000)}ms` } }),
  pinned: (random) => ({ script: short, spec: { worker: random.pick(["w1", "w2"]) } }),
  constrained: (random) => ({
    script: lasting(random, 6),
    spec: random.chance(0.5)
      ? { require: ["zone=a"] }
      : { require: ["zone in (a,b)"], prefer: ["zone=b"] },
  }),
  wide: (random) => ({ script: lasting(random, 6), spec: { slots: random.int(2, 3) } }),
  perishable: (random) => ({ script: short, spec: { startWithin: `${random.int(50, 4_000)}ms` } }),
  once: (random) => ({ script: lasting(random), spec: { onWorkerLost: "fail" } }),
  tethered: (random) => ({ script: lasting(random), spec: { stopOnDisconnect: "3s" } }),
  narrow: (random) => ({ script: lasting(random, 6), spec: { queue: NARROW.queue } }),
};

/** `rate` jobs a second on average, for `seconds`. Every job appends to `journal`. */
export function planJobs(options: {
  seed: number;
  seconds: number;
  rate: number;
  journal: string;
}): PlannedJob[] {
  const { seed, seconds, rate, journal } = options;
  const random = createRandom(seed);
  return Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
    const ref = `job-${i}`;
    const { script, spec } = KINDS[random.weighted(WEIGHTS)](random);
    const copies = random.chance(0.08) ? random.int(2, 4) : 1;
    return {
      atMs: random.int(0, seconds * 1_000),
      ref,
      spec: {
        command: ["sh", JOB],
        env: {
          CHAOS_JOURNAL: journal,
          CHAOS_SEED: String(random.int(1, 1_000_000)),
          ...envOf(script),
        },
        labels: { ref },
        grace: "2s",
        ...(random.chance(0.2) ? { priority: random.int(0, 9) } : {}),
        ...spec,
      },
      ...(copies > 1 || random.chance(0.5) ? { key: `key-${seed}-${i}` } : {}),
      copies,
      ...(random.chance(0.12) ? { cancelAfterMs: random.int(0, 3_000) } : {}),
      retryByHand: random.chance(0.2),
    };
  }).toSorted((a, b) => a.atMs - b.atMs);
}

function envOf(script: Script): Record<string, string> {
  const {
    blocks,
    lines,
    pause,
    note = 4,
    failures = 0,
    exit = 1,
    signal,
    stray,
    stubborn,
  } = script;
  return {
    CHAOS_BLOCKS: String(blocks),
    CHAOS_LINES: String(lines),
    CHAOS_PAUSE: String(pause),
    CHAOS_NOTE: String(note),
    CHAOS_FAILURES: String(failures),
    CHAOS_EXIT: String(exit),
    ...(signal === undefined ? {} : { CHAOS_SIGNAL: signal }),
    ...(stray === undefined ? {} : { CHAOS_STRAY: stray }),
    ...(stubborn === undefined ? {} : { CHAOS_STUBBORN: "yes" }),
  };
}
