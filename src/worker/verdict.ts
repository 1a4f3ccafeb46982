// What the end of a run means for the job's record: pure.
import type { Ending, JobEvent } from "../shared/job.ts";
import type { RetryPolicy } from "../shared/spec.ts";

/**
 * Why an attempt is stopped.
 *
 * cancelled: somebody wants the job to end · superseded: the attempt is not the job's current one any more ·
 * drain: the worker leaves · disconnected: the broker was away for longer than the job allows
 */
export type StopReason = "cancelled" | "superseded" | "drain" | "disconnected";

/** How a run ended: with an ending of its own, before it began, or because the worker lost hold of it. */
export type RunEnd =
  | { kind: "ended"; ending: Ending; retry?: RetryPolicy }
  | { kind: "not_started"; reason: string }
  | { kind: "lost"; reason: string };

export const WAS_LEAVING: RunEnd = { kind: "not_started", reason: "The worker was leaving." };

export type RunFacts = {
  attempt: number;
  worker: string;
  startedAt: number;
  at: number;
  /** In [0, 1), for the jitter of a backoff. */
  random: number;
};

/** The event that tells the record; undefined when the record is not this worker's to change any more. */
export function verdict(
  end: RunEnd,
  stopped: StopReason | undefined,
  facts: RunFacts,
): JobEvent | undefined {
  if (stopped === "superseded") return undefined;
  const { attempt, worker, at, random } = facts;
  const handBack = (reason: string): JobEvent => ({
    type: "handed_back",
    at,
    attempt,
    worker,
    reason,
  });
  const finish = (ending: Ending, retry?: RetryPolicy): JobEvent => ({
    type: "finished",
    ...facts,
    ending,
    ...(retry === undefined ? {} : { retry }),
  });
  switch (end.kind) {
    case "ended":
      if (end.ending.outcome !== "cancelled" || stopped === "cancelled")
        return finish(end.ending, end.retry);
      // The leader is the one to say that a worker it cannot reach lost the attempt.
      return stopped === "drain" ? handBack("The worker left before it was done.") : undefined;
    case "not_started":
      return stopped === "cancelled" ? finish({ outcome: "cancelled" }) : handBack(end.reason);
    case "lost":
      if (stopped === "drain") return handBack("The worker left before it was done.");
      if (stopped === "disconnected") return undefined;
      return {
        type: "lost",
        at,
        attempt,
        worker,
        reason: end.reason,
        cancelled: stopped === "cancelled",
        random,
      };
  }
}
