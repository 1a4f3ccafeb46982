// What the command line reads of the server's answers.
import type { Labels } from "../shared/constraints.ts";
import type { JobState } from "../shared/job.ts";
import type { QueueSettings } from "../shared/queue-settings.ts";
import type { JobView } from "../scheduler/http/job-view.ts";

export type { JobView };
export type AttemptView = JobView["attempts"][number];

export type WorkerView = {
  id: string;
  version: string;
  status: "ready" | "quarantined" | "cordoned" | "draining" | "quiet" | "gone";
  labels: Labels;
  slots: { total: number; free: number };
  handlers: string[];
  running: { job: string; attempt: number }[];
  load: number[];
  memory: { totalMb: number; freeMb: number };
  uptimeS: number;
  /** Why it gets nothing but a probe now and then. */
  quarantine?: { reason: string };
};

export type QueueView = QueueSettings & {
  name: string;
  depth: Record<JobState, number>;
  /** ISO 8601 submit instant of the oldest job that could start now. */
  oldestAt?: string;
};

export type Stats = {
  jobs: Record<JobState, number>;
  workers: number;
  slots: { total: number; used: number };
  /** Absent while no scheduler leads. */
  leader?: { scheduler: string; epoch: number; since: string };
};
