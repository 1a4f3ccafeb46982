// What callers may do to a job: wish that it ends, have a finished one tried again.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import { apply } from "../../shared/job-machine.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import type { Caller } from "../auth/caller.ts";
import type { HttpDeps } from "./deps.ts";
import { readJob } from "./jobs.ts";

export type JobActions = {
  /** Stores the wish; asking again changes nothing. Throws `job_not_found`, `job_finished`. */
  cancel(jobId: string, reason: string, actor: string): Promise<Versioned>;
  /** Queues a finished job again. Throws `job_not_found`, `job_not_finished`; `not_found` for one of others' reservations, `reservation_over`. */
  retry(jobId: string, by: Caller): Promise<Versioned>;
};

export function createJobActions(
  deps: Pick<HttpDeps, "store" | "clock"> & {
    reservations: Pick<HttpDeps["reservations"], "requireUse">;
  },
): JobActions {
  const { store, clock, reservations } = deps;

  /** Slots that a reservation held are nobody's any more, and those that it holds are not everybody's. */
  async function requireRoom({ record: { id, spec, origin } }: Versioned, by: Caller) {
    const { reservation, slots = SPEC_DEFAULTS.slots } = spec;
    if (origin?.holds)
      throw new MillraceError("reservation_over", `Reservation ${id} is over; make another one.`);
    if (reservation !== undefined) await reservations.requireUse(reservation, by, slots);
  }

  return {
    async cancel(jobId, reason, actor) {
      const found = await readJob(deps, jobId);
      if (isFinal(found.record.state))
        throw new MillraceError("job_finished", `Job ${jobId} is ${found.record.state} already.`);
      await store.requestCancel(jobId, { v: 1, at: clock.now(), actor, reason });
      return found;
    },
    async retry(jobId, by) {
      await requireRoom(await readJob(deps, jobId), by);
      await store.clearCancel(jobId); // an old wish to end must not catch the new series
      try {
        return await store.update(jobId, (record) =>
          apply(record, { type: "retried", at: clock.now(), actor: by.name }),
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
