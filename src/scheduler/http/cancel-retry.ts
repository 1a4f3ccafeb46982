// What callers may do to a job: wish that it ends, have a finished one tried again.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import { apply } from "../../shared/job-machine.ts";
import type { HttpDeps } from "./deps.ts";
import { readJob } from "./jobs.ts";

export type JobActions = {
  /** Stores the wish; asking again changes nothing. Throws `job_not_found`, `job_finished`. */
  cancel(jobId: string, reason: string, actor: string): Promise<Versioned>;
  /** Queues a finished job again. Throws `job_not_found`, `job_not_finished`. */
  retry(jobId: string, actor: string): Promise<Versioned>;
};

export function createJobActions(deps: Pick<HttpDeps, "store" | "clock">): JobActions {
  const { store, clock } = deps;

  return {
    async cancel(jobId, reason, actor) {
      const found = await readJob(deps, jobId);
      if (isFinal(found.record.state))
        throw new MillraceError("job_finished", `Job ${jobId} is ${found.record.state} already.`);
      await store.requestCancel(jobId, { v: 1, at: clock.now(), actor, reason });
      return found;
    },
    async retry(jobId, actor) {
      await store.clearCancel(jobId); // an old wish to end must not catch the new series
      try {
        return await store.update(jobId, (record) =>
          apply(record, { type: "retried", at: clock.now(), actor }),
        );
      } catch (error) {
        if (!hasCode(error, "illegal_move")) throw error;
        throw new MillraceError("job_not_finished", `Job ${jobId} has not finished yet.`, {
          cause: error,
        });
      }
    },
  };
}
