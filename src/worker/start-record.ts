// Writes to the record that an attempt runs, once it has run for a while: short ones do without.
import type { Log } from "../shared/io/log.ts";
import { startTimer } from "./command/long-timer.ts";
import type { Holding } from "./holding.ts";
import { isSuperseded, type Recorder } from "./recorder.ts";

/** Attempts that are over sooner than this are never recorded as running. */
const SHORT_MS = 250;

export type StartRecord = Disposable & {
  /** The attempt began at this instant (epoch milliseconds). */
  begin(at: number): void;
};

/** A refused write stops the attempt as superseded. Disposing calls off what is not under way yet. */
export function createStartRecord(deps: {
  holding: Holding;
  recorder: Recorder;
  workerId: string;
  log: Log;
}): StartRecord {
  const { holding, recorder, workerId: worker, log } = deps;
  let timer: Disposable | undefined;

  async function write(at: number): Promise<void> {
    const { attempt, record } = holding.assignment;
    try {
      await recorder.record({ type: "started", at, attempt, worker });
    } catch (error) {
      if (isSuperseded(error)) holding.stop("superseded");
      else
        log.error(
          { event: "start_unrecorded", job: record.id, attempt, error },
          "the start is not in the record",
        );
    }
  }

  return {
    begin(at) {
      holding.startedAt = at;
      timer = startTimer(SHORT_MS, () => void write(at));
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}
