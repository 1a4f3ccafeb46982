// The job record: the one truth about a job, as it stands in the stream.
import type { AttemptArtifacts } from "./artifact.ts";
import type { Labels } from "./constraints.ts";
import type { Reference, References } from "./reference.ts";
import type { JobSpec, RetryPolicy } from "./spec.ts";

/**
 * Every legal move of a job.
 *
 *   queued ──► running ──► succeeded | failed | cancelled
 *      ▲          │
 *      └──────────┘ retry, hand back, lost worker
 *
 * A short attempt is never recorded as running: its result moves the job from `queued` straight to its end.
 * A finished job moves again only when somebody retries it by hand.
 */
export const JOB_MOVES = {
  queued: ["queued", "running", "succeeded", "failed", "cancelled", "expired"],
  running: ["queued", "succeeded", "failed", "cancelled"],
  succeeded: ["queued"],
  failed: ["queued"],
  cancelled: ["queued"],
  expired: ["queued"],
} as const satisfies Record<string, readonly string[]>;

export type JobState = keyof typeof JOB_MOVES;
export const JOB_STATES = Object.keys(JOB_MOVES) as JobState[];

export type FinalState = "succeeded" | "failed" | "cancelled" | "expired";
export const isFinal = (state: JobState): state is FinalState =>
  state !== "queued" && state !== "running";

/**
 * How an attempt ended.
 *
 * exited: the program ended by itself (see exitCode) or the handler returned · threw: the handler threw ·
 * invalid_input: the handler's schema refused the input · signalled: somebody else's signal ended it ·
 * timed_out, cancelled: Millrace ended it · spawn_failed: it could not be started ·
 * worker_lost: its worker is gone · handed_back: its worker gave it back unfinished; does not count
 */
export const OUTCOMES = [
  "exited",
  "threw",
  "invalid_input",
  "signalled",
  "timed_out",
  "cancelled",
  "spawn_failed",
  "worker_lost",
  "handed_back",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Bytes an attempt wrote per channel, and how many of them a cap or a full spool dropped. */
export type OutputTotals = { stdout: number; stderr: number; chunks: number; dropped: number };

/** Resources of an attempt's process tree as far as the system tells. */
export type Usage = { cpuMs?: number; maxRssKb?: number };

/** What the worker knows when an attempt is over. */
export type Ending = {
  outcome: Exclude<Outcome, "worker_lost" | "handed_back">;
  exitCode?: number;
  signal?: string;
  /** One sentence for people: why it could not start, what the handler threw. */
  reason?: string;
  /** What the handler returned. */
  result?: unknown;
  /** Where that is, when it is too large to stand in the record. */
  resultAt?: Reference;
  artifacts?: AttemptArtifacts;
  output?: OutputTotals;
  usage?: Usage;
  /** It could not be started for reasons of the worker, not of the job: any other job would have fared alike. */
  workersFault?: true;
};

export type Attempt = Omit<Ending, "outcome" | "result" | "resultAt"> & {
  /** Counted from 1 over the whole life of the job. */
  number: number;
  worker: string;
  startedAt?: number;
  finishedAt?: number;
  /** Absent while the attempt runs. */
  outcome?: Outcome;
  /** Nobody could tell whether the lost worker's programs were dead: one may have run on beside the next attempt. */
  mayStillRun?: true;
};

export type TimelineEntry = {
  at: number;
  what: JobEvent["type"] | "submitted";
  state: JobState;
  attempt?: number;
  worker?: string;
  actor?: string;
  reason?: string;
};

/** What brought a job about, when that was not a plain submit. Fixed with the job, like its spec. */
export type Origin = {
  /** The definition that the spec was made from. */
  definition?: { name: string; version: number; test?: true };
  /** The schedule that fired, and the instant (epoch ms) that it fired for. */
  schedule?: { name: string; at: number };
  /** The group that the job belongs to, and its place there; `count` and `values` where the member is an array. */
  group?: { id: string; member: string; index?: number; count?: number; values?: Labels };
  /** It runs nothing and holds its slots for others: see `reservation.ts`. */
  holds?: true;
  /** The tenant that it belongs to; absent: the installation as a whole. */
  namespace?: string;
};

export type JobRecord = {
  v: 1;
  id: string;
  spec: JobSpec;
  origin?: Origin;
  state: JobState;
  /** Times are epoch milliseconds. */
  submittedAt: number;
  /** Not placed before this instant. */
  notBefore?: number;
  /** Becomes `expired` unless it starts by this instant. */
  expiresAt?: number;
  finishedAt?: number;
  /** Number of the newest attempt that the record knows or has passed over; 0 before the first. */
  attempt: number;
  /** Manual retries so far; failures and losses are counted anew in each series. */
  series: number;
  failures: number;
  losses: number;
  /** The newest attempts, oldest first. */
  attempts: Attempt[];
  /** The newest entries, oldest first. */
  timeline: TimelineEntry[];
  /** Where the parts are that are too large to stand here or in the spec. */
  references?: References;
  /** Older entries that the timeline no longer has; absent while it has them all. */
  forgotten?: number;
  result?: unknown;
  /** Why the job is in its final state, where that needs a word. */
  reason?: string;
  /** SHA-256 of the submitted spec, kept when an idempotency key names the job. */
  fingerprint?: string;
};

/** A fact that moves a job. `random` is a number in [0, 1) for the jitter of the backoff. */
export type JobEvent =
  | { type: "started"; at: number; attempt: number; worker: string }
  | {
      type: "finished";
      at: number;
      attempt: number;
      worker: string;
      startedAt: number;
      ending: Ending;
      random: number;
      /** The handler's own policy: holds when the spec has none. */
      retry?: RetryPolicy;
    }
  | { type: "handed_back"; at: number; attempt: number; worker: string; reason: string }
  | {
      type: "lost";
      at: number;
      attempt: number;
      worker: string;
      reason: string;
      cancelled: boolean;
      random: number;
      /** Something else is more likely to have brought the worker down: the loss does not count against the job. */
      blameless?: true;
      /** The worker fell silent: whether it, its launcher and the programs are dead is not known. */
      mayStillRun?: true;
    }
  | { type: "cancelled"; at: number; actor: string; reason: string }
  | { type: "expired"; at: number }
  | { type: "retried"; at: number; actor: string };
