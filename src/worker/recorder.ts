// Writes what becomes of one attempt into the job's record, one write after the other, each expecting the one before.
import { hasCode } from "../shared/errors.ts";
import type { JobStore } from "../shared/io/job-store.ts";
import type { JobEvent } from "../shared/job.ts";
import { apply } from "../shared/job-machine.ts";
import type { Assignment } from "../shared/messages.ts";

export type Recorder = {
  /**
   * Applies the event and stores the record, for as long as it takes; a write after a failed one fails like it.
   * Rejects with what `isSuperseded` tells when the record is not at what this attempt was decided on.
   */
  record(event: JobEvent): Promise<void>;
};

export function createRecorder(deps: {
  store: Pick<JobStore, "write">;
  assignment: Assignment;
  /** Ends the repeating of a write that nobody answers. */
  giveUp: AbortSignal;
}): Recorder {
  const { store, giveUp } = deps;
  let { record, seq } = deps.assignment;
  let written = Promise.resolve();

  async function write(event: JobEvent): Promise<void> {
    const changed = apply(record, event);
    seq = await store.write(changed, seq, { withinMs: Infinity, signal: giveUp });
    record = changed;
  }

  return {
    record(event) {
      written = written.then(() => write(event));
      return written;
    },
  };
}

/** True when somebody else has ended the attempt: its results are of no use any more. */
export const isSuperseded = (error: unknown): boolean =>
  hasCode(error, "lost_race", "attempt_superseded", "illegal_move");
