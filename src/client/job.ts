// A job as the library shows it: what the record says, the same over HTTP, over NATS and in memory.
import type { JobRecord, JobState, Outcome } from "../shared/job.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../shared/spec.ts";

export type Job = {
  id: string;
  state: JobState;
  queue: string;
  labels: Readonly<Record<string, string>>;
  spec: JobSpec;
  /** ISO 8601. */
  submittedAt: string;
  finishedAt?: string | undefined;
  /** Number of the newest attempt; 0 before the first. */
  attempt: number;
  worker?: string | undefined;
  /** How the last attempt of a finished job ended. */
  outcome?: Outcome | undefined;
  exitCode?: number | undefined;
  signal?: string | undefined;
  /** What the handler returned. */
  result?: unknown;
  /** Why the job ended as it did, where that needs a word. */
  reason?: string | undefined;
};

export function jobOf(record: JobRecord): Job {
  const { id, state, spec, submittedAt, finishedAt, attempt, attempts, result, reason } = record;
  const newest = attempts.at(-1);
  return {
    id,
    state,
    spec,
    queue: spec.queue ?? SPEC_DEFAULTS.queue,
    labels: spec.labels ?? {},
    submittedAt: new Date(submittedAt).toISOString(),
    finishedAt: finishedAt === undefined ? undefined : new Date(finishedAt).toISOString(),
    attempt,
    worker: newest?.worker,
    outcome: newest?.outcome,
    exitCode: newest?.exitCode,
    signal: newest?.signal,
    result,
    reason,
  };
}
