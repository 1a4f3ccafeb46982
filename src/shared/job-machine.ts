// The one function that changes a job: apply(record, event), pure; storage applies it by compare-and-set.
import { durationMs } from "./durations.ts";
import { MillraceError } from "./errors.ts";
import {
  isFinal,
  JOB_MOVES,
  type Attempt,
  type Ending,
  type JobEvent,
  type JobRecord,
  type JobState,
  type Origin,
  type TimelineEntry,
} from "./job.ts";
import { withoutResult } from "./reference.ts";
import { backoffMs, lossBackoffMs, MAX_LOSSES, retriesAfter } from "./retry.ts";
import { notBeforeOf, type JobSpec } from "./spec.ts";

const KEPT_ATTEMPTS = 50;
const KEPT_TIMELINE = 100;

export type Submission = {
  /** Who asked. */
  actor?: string;
  /** SHA-256 of the spec, when an idempotency key names the job. */
  fingerprint?: string;
  origin?: Origin;
};

/** The record of a job that was just accepted. */
export function newJob(
  id: string,
  spec: JobSpec,
  submittedAt: number,
  { actor, fingerprint, origin }: Submission = {},
): JobRecord {
  const notBefore = notBeforeOf(spec, submittedAt);
  const waits = notBefore !== undefined && notBefore > submittedAt;
  return {
    v: 1,
    id,
    spec,
    ...(origin === undefined ? {} : { origin }),
    state: "queued",
    submittedAt,
    ...(waits ? { notBefore } : {}),
    ...(spec.startWithin === undefined
      ? {}
      : { expiresAt: (waits ? notBefore : submittedAt) + durationMs(spec.startWithin) }),
    attempt: 0,
    series: 0,
    failures: 0,
    losses: 0,
    attempts: [],
    timeline: [
      {
        at: submittedAt,
        what: "submitted",
        state: "queued",
        ...(actor === undefined ? {} : { actor }),
      },
    ],
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
}

/**
 * The record after the event.
 * Throws `illegal_move` when the job's state does not allow it, `attempt_superseded` when the event speaks of an attempt that is not the current one.
 */
export function apply(record: JobRecord, event: JobEvent): JobRecord {
  switch (event.type) {
    case "started":
      return started(record, event);
    case "finished":
      return finished(record, event);
    case "handed_back":
      return handedBack(record, event);
    case "lost":
      return lost(record, event);
    case "cancelled":
      return move(unassignedOnly(record, event), "cancelled", event, {
        finishedAt: event.at,
        reason: event.reason,
      });
    case "expired":
      return move(unassignedOnly(record, event), "expired", event, {
        finishedAt: event.at,
        reason: "It did not start within its time.",
      });
    case "retried":
      return retried(record, event);
  }
}

type Of<T extends JobEvent["type"]> = Extract<JobEvent, { type: T }>;

function started(record: JobRecord, event: Of<"started">): JobRecord {
  expectNext(record, event);
  const attempt: Attempt = { number: event.attempt, worker: event.worker, startedAt: event.at };
  return move(record, "running", event, {
    attempt: event.attempt,
    attempts: withAttempt(record, attempt),
  });
}

function finished(record: JobRecord, event: Of<"finished">): JobRecord {
  expectCurrent(record, event);
  const { result, resultAt, ...ending } = event.ending;
  const ended: Attempt = {
    number: event.attempt,
    worker: event.worker,
    startedAt: event.startedAt,
    finishedAt: event.at,
    ...ending,
  };
  const known = { attempt: event.attempt, attempts: withAttempt(record, ended) };
  if (succeeded(event.ending))
    return move(record, "succeeded", event, {
      ...known,
      finishedAt: event.at,
      ...(result === undefined ? {} : { result }),
      ...(resultAt === undefined ? {} : { references: { ...record.references, result: resultAt } }),
    });
  if (event.ending.outcome === "cancelled")
    return move(record, "cancelled", event, {
      ...known,
      finishedAt: event.at,
      reason: describe(event.ending),
    });
  const failures = record.failures + 1;
  const policy = record.spec.retry ?? event.retry;
  if (retriesAfter(policy, failures, event.ending))
    return move(record, "queued", event, {
      ...known,
      failures,
      notBefore: event.at + backoffMs(policy?.backoff, failures, event.random),
    });
  return move(record, "failed", event, {
    ...known,
    failures,
    finishedAt: event.at,
    reason: describe(event.ending),
  });
}

function handedBack(record: JobRecord, event: Of<"handed_back">): JobRecord {
  expectCurrent(record, event);
  const ended: Attempt = {
    ...current(record, event),
    finishedAt: event.at,
    outcome: "handed_back",
    reason: event.reason,
  };
  return move(record, "queued", event, {
    attempt: event.attempt,
    attempts: withAttempt(record, ended),
  });
}

function lost(record: JobRecord, event: Of<"lost">): JobRecord {
  expectCurrent(record, event);
  const ended: Attempt = {
    ...current(record, event),
    finishedAt: event.at,
    outcome: "worker_lost",
    reason: event.reason,
    ...(event.mayStillRun ? { mayStillRun: true } : {}),
  };
  const losses = record.losses + (event.blameless ? 0 : 1);
  const known = { attempt: event.attempt, attempts: withAttempt(record, ended), losses };
  const over = { ...known, finishedAt: event.at, reason: event.reason };
  if (event.cancelled) return move(record, "cancelled", event, over);
  if (record.spec.onWorkerLost === "fail") return move(record, "failed", event, over);
  if (losses >= MAX_LOSSES && !event.blameless)
    return move(record, "failed", event, {
      ...over,
      reason: `${losses} workers died under it: ${event.reason}`,
    });
  const wait = lossBackoffMs(losses, event.random);
  return move(record, "queued", event, {
    ...known,
    ...(wait > 0 ? { notBefore: event.at + wait } : {}),
  });
}

function retried(record: JobRecord, event: Of<"retried">): JobRecord {
  if (!isFinal(record.state)) throw illegal(record, event);
  const {
    finishedAt: _finishedAt,
    reason: _reason,
    expiresAt: _expiresAt,
    notBefore: _notBefore,
    ...rest
  } = withoutResult(record);
  // a job that ended in the queue may have been assigned at that moment: the number is used up
  const passed = ["cancelled", "expired"].includes(record.timeline.at(-1)?.what ?? "") ? 1 : 0;
  const anew = { series: record.series + 1, failures: 0, losses: 0 };
  return move({ ...rest, ...anew }, "queued", event, { attempt: record.attempt + passed });
}

function move(
  record: JobRecord,
  state: JobState,
  event: JobEvent,
  changes: Partial<JobRecord>,
): JobRecord {
  if (!(JOB_MOVES[record.state] as readonly JobState[]).includes(state))
    throw illegal(record, event);
  const { notBefore: _notBefore, ...rest } = record;
  const timeline = [...record.timeline, entryOf(event, state)];
  const surplus = timeline.length - KEPT_TIMELINE;
  // not spread: what was cloned that way takes new members ten times as slowly, and every job passes here
  return Object.assign(
    {},
    rest,
    changes,
    { state, timeline: timeline.slice(-KEPT_TIMELINE) },
    surplus > 0 ? { forgotten: (record.forgotten ?? 0) + surplus } : {},
  );
}

function entryOf(event: JobEvent, state: JobState): TimelineEntry {
  const entry: TimelineEntry = { at: event.at, what: event.type, state };
  if ("attempt" in event) Object.assign(entry, { attempt: event.attempt, worker: event.worker });
  if ("actor" in event) entry.actor = event.actor;
  if ("reason" in event) entry.reason = event.reason;
  if (event.type === "finished") entry.reason = describe(event.ending);
  return entry;
}

/** One sentence on how an attempt ended. */
export function describe(ending: Ending): string {
  if (ending.reason !== undefined) return ending.reason;
  switch (ending.outcome) {
    case "exited":
      return `exited with code ${ending.exitCode ?? 0}`;
    case "signalled":
      return `ended by ${ending.signal ?? "a signal"}`;
    case "timed_out":
      return "It was not done within its timeout.";
    case "cancelled":
      return "It was stopped on request.";
    case "threw":
    case "invalid_input":
    case "spawn_failed":
      return ending.outcome.replace("_", " ");
  }
}

const succeeded = (ending: Ending): boolean =>
  ending.outcome === "exited" && (ending.exitCode ?? 0) === 0;

/** An attempt that begins must be the one after the newest that the record knows. */
function expectNext(record: JobRecord, event: { attempt: number; type: string }): void {
  if (record.state !== "queued" && !isFinal(record.state)) throw superseded(record, event);
  if (isFinal(record.state) || event.attempt !== record.attempt + 1)
    throw superseded(record, event);
}

/** An attempt that ends must be the running one, or one that was too short to be recorded as running. */
function expectCurrent(
  record: JobRecord,
  event: { attempt: number; worker: string; type: string },
): void {
  if (record.state !== "running") return expectNext(record, event);
  const running = record.attempts.at(-1);
  if (event.attempt !== record.attempt || running?.worker !== event.worker)
    throw superseded(record, event);
}

/** Cancel and expiry by the leader are for jobs that no worker holds. */
function unassignedOnly(record: JobRecord, event: JobEvent): JobRecord {
  if (record.state !== "queued") throw illegal(record, event);
  return record;
}

function current(record: JobRecord, event: { attempt: number; worker: string }): Attempt {
  const last = record.attempts.at(-1);
  return last?.number === event.attempt ? last : { number: event.attempt, worker: event.worker };
}

function withAttempt(record: JobRecord, attempt: Attempt): Attempt[] {
  return [...record.attempts.filter(({ number }) => number !== attempt.number), attempt].slice(
    -KEPT_ATTEMPTS,
  );
}

const illegal = (record: JobRecord, event: JobEvent) =>
  new MillraceError(
    "illegal_move",
    `Job ${record.id} is ${record.state}; it cannot be ${event.type} now.`,
  );

const superseded = (record: JobRecord, event: { attempt: number; type: string }) =>
  new MillraceError(
    "attempt_superseded",
    `Attempt ${event.attempt} of job ${record.id} cannot be ${event.type}: the record is ${record.state} at attempt ${record.attempt}.`,
  );
