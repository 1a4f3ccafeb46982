// What the parties of a run saw, one typed observation each; together the history that the checker judges.
import type { Channel } from "../../../src/shared/chunk.ts";
import type { Labels } from "../../../src/shared/constraints.ts";
import type { JobRecord, JobState } from "../../../src/shared/job.ts";

/** All instants are epoch milliseconds of one clock. The order within a history means nothing. */
export type History = readonly Observation[];

export type Observation =
  | RunSeen
  | SubmitSeen
  | CancelSeen
  | RetrySeen
  | RecordSeen
  | AssignSeen
  | LineSeen
  | OutputSeen
  | ProcessSeen
  | WorkerSeen
  | QueueSeen
  | FaultSeen
  | SchedulerSeen
  | AliveSeen;

/** What the run was told to be. */
export type RunSeen = {
  kind: "run";
  at: number;
  seed: number;
  seconds: number;
  rate: number;
  brokers: number;
  schedulers: number;
  workers: number;
};

/** unknown: no answer, or one that leaves open whether it was done. */
export type Answer = "accepted" | "refused" | "unknown";

/** One submit as its caller saw it. */
export type SubmitSeen = {
  kind: "submit";
  at: number;
  /** Names what was meant to become one job; the job bears it as its label `ref`. */
  ref: string;
  /** The idempotency key. A submit without one is sent once only. */
  key?: string;
  answer: Answer;
  /** Present when accepted. */
  job?: string;
  code?: string;
};

/** A wish that a job may end. `at` is when the answer came, `askedAt` when what it answers was asked. */
export type CancelSeen = {
  kind: "cancel";
  askedAt: number;
  at: number;
  job: string;
  answer: Answer;
  code?: string;
};
export type RetrySeen = { kind: "retry"; at: number; job: string; answer: Answer; code?: string };

/** A version of a job's record as the stream stored it; without a record: its removal. Some may be missing. */
export type RecordSeen = {
  kind: "record";
  at: number;
  seq: number;
  job: string;
  record?: JobRecord;
};

/** A message of the assignment log. None may be missing. */
export type AssignSeen = {
  kind: "assign";
  at: number;
  seq: number;
  epoch: number;
  /** Absent when a new leader takes the log over. */
  worker?: string;
  /** `seq` is the record that the attempt was decided on. */
  items: { job: string; attempt: number; seq: number }[];
};

/** What the running job itself noted, when it did: it began, it has written so much, it is about to exit. */
export type LineSeen = {
  kind: "line";
  at: number;
  what: "start" | "wrote" | "end";
  job: string;
  attempt: number;
  worker: string;
  pid: number;
  /** Seed of the sequence that it writes; see sequence.ts. */
  seed: number;
  /** Bytes written so far. */
  stdout: number;
  stderr: number;
  /** With which it is about to exit; at the end only. */
  exitCode?: number;
};

/** The stored output of one attempt, read at the end. */
export type OutputSeen = {
  kind: "output";
  at: number;
  job: string;
  attempt: number;
  /** The worker said that this is all. */
  complete: boolean;
  channels: Record<Channel, ChannelSeen>;
};

/** `dropped` counts the bytes of gap records; `misplaced` the chunks whose offset was not where the ones before ended. */
export type ChannelSeen = { bytes: number; sha256: string; dropped: number; misplaced: number };

/** A process of a job that was found on the host when there should be none. */
export type ProcessSeen = {
  kind: "process";
  at: number;
  /** cancelled: the job's record had just become that · end: everything was quiet · stopped: everything was stopped. */
  when: "cancelled" | "end" | "stopped";
  job: string;
  attempt: number;
  pid: number;
  command: string;
};

/** A worker that registered. */
export type WorkerSeen = {
  kind: "worker";
  at: number;
  worker: string;
  name: string;
  slots: number;
  labels: Labels;
};

/** The setting of a queue, from `at` on. */
export type QueueSeen = { kind: "queue"; at: number; queue: string; maxRunning: number };

export const FAULTS = [
  "kill_worker",
  "pause_worker",
  "cut_worker",
  "delay_worker",
  "reset_worker",
  "drain_worker",
  "kill_scheduler",
  "pause_scheduler",
  "cut_scheduler",
  "reset_scheduler",
  "kill_broker",
  "pause_broker",
  "kill_everything",
] as const;
export type FaultKind = (typeof FAULTS)[number];

/** Something that was done to a party. */
export type FaultSeen = {
  kind: "fault";
  at: number;
  /** When it was undone: continued, healed, started and ready again. */
  until: number;
  fault: FaultKind;
  /** Id of the worker, address of the scheduler or broker; absent when all were meant. */
  target?: string;
  /** True when the target led at that moment. */
  led?: boolean;
};

/** What a scheduler shows at the end. */
export type SchedulerSeen = {
  kind: "scheduler";
  at: number;
  scheduler: string;
  jobs: Record<JobState, number>;
  workers: { worker: string; status: string; used: number; running: string[] }[];
};

/** The worker processes that live at the end, by id. */
export type AliveSeen = { kind: "alive"; at: number; workers: string[] };
