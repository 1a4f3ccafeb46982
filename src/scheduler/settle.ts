// Ends jobs and attempts that no worker will end: cancelled or expired before a start, or lost with their worker.
import { durationMs } from "../shared/durations.ts";
import { hasCode } from "../shared/errors.ts";
import type { Clock } from "../shared/io/clock.ts";
import type { JobStore } from "../shared/io/job-store.ts";
import type { Log } from "../shared/io/log.ts";
import { apply } from "../shared/job-machine.ts";
import type { JobEvent, JobRecord } from "../shared/job.ts";
import type { Loss, Settlement } from "./core/board.ts";

export type Settler = {
  settle(settlements: readonly Settlement[]): void;
  settleLosses(losses: readonly Loss[]): void;
  clearCancels(jobIds: readonly string[]): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
};

/** Jobs settled at once; the others are named again by the board. */
const AT_ONCE = 64;

export function createSettler(deps: {
  store: Pick<JobStore, "update" | "clearCancel">;
  clock: Clock;
  log: Log;
  random: () => number;
  /** Something ended, well or not: there may be more to do. */
  onDone: () => void;
}): Settler {
  const { store, clock, log, random, onDone } = deps;
  const underWay = new Map<string, Promise<void>>();

  function begin(job: string, act: () => Promise<unknown>): void {
    if (underWay.has(job) || underWay.size >= AT_ONCE) return;
    const run = attempt(job, act).finally(() => {
      underWay.delete(job);
      onDone();
    });
    underWay.set(job, run);
  }

  async function attempt(job: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      // The job moved on by itself, or is gone: then there is nothing left to settle.
      if (hasCode(error, "illegal_move", "attempt_superseded", "job_not_found", "job_unreadable"))
        return;
      log.warn(
        { event: "settle_failed", job, error },
        "a job could not be settled; it is tried again",
      );
    }
  }

  async function write(job: string, event: JobEvent): Promise<void> {
    await store.update(job, (record) => held(apply(record, event), event));
    log.info(
      {
        event: `job_${event.type}`,
        job,
        ...("attempt" in event ? { attempt: event.attempt, worker: event.worker } : {}),
      },
      "settled",
    );
  }

  return {
    settle(settlements) {
      for (const settlement of settlements) {
        const at = clock.now();
        const event: JobEvent =
          settlement.how === "expired"
            ? { type: "expired", at }
            : {
                type: "cancelled",
                at,
                actor: settlement.intent.actor,
                reason: settlement.intent.reason,
              };
        begin(settlement.job, () => write(settlement.job, event));
      }
    },
    settleLosses(losses) {
      for (const { job, blameless, mayStillRun, ...loss } of losses)
        begin(job, () =>
          write(job, {
            type: "lost",
            at: clock.now(),
            ...loss,
            random: random(),
            ...(blameless ? { blameless } : {}),
            ...(mayStillRun ? { mayStillRun } : {}),
          }),
        );
    },
    clearCancels(jobIds) {
      for (const job of jobIds) begin(job, () => store.clearCancel(job));
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

/** A job that may not overlap with itself waits until its lost worker has certainly ended the attempt. */
function held(record: JobRecord, event: JobEvent): JobRecord {
  const { stopOnDisconnect } = record.spec;
  if (event.type !== "lost" || stopOnDisconnect === undefined || record.state !== "queued")
    return record;
  return {
    ...record,
    notBefore: Math.max(record.notBefore ?? 0, event.at + durationMs(stopOnDisconnect)),
  };
}
