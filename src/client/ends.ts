// Learns over the broker how jobs end: from what it pushes, and by a look where a push may have been missed.
import { MillraceError } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { recordIn } from "../shared/io/decode-record.ts";
import { deferred } from "../shared/io/lifecycle.ts";
import type { Stored } from "../shared/io/wire.ts";
import { isFinal } from "../shared/job.ts";
import { Roster } from "../shared/roster.ts";
import { jobOf, type Job } from "./job.ts";

/** Listens for the end of one job until disposed. */
export type Listening = Disposable & {
  /** The job once it is over. Throws `job_not_found`, or the signal's reason. */
  ended(signal?: AbortSignal): Promise<Job>;
};

export type Ends = Disposable & {
  /** Listens from now on. A job that is `unborn` is yet to be submitted, so that nothing can have been missed. */
  listen(jobId: string, unborn?: "unborn"): Listening;
};

/** A push can be lost with its connection; this often those who wait look for themselves. */
const LOOK_EVERY_MS = 10_000;

/** `fetch` gets a job with what is too large to be in its record. */
export function createEnds(
  broker: Pick<Broker, "listen" | "last" | "onUp" | "subjects">,
  fetch: (jobId: string) => Promise<Job>,
): Ends {
  const { jobs } = broker.subjects;
  const awaited = new Roster<() => void>();
  let looking: NodeJS.Timeout | undefined;
  let reconnects = 0;

  function lookAtAll(): void {
    for (const look of awaited) look();
  }

  function keepLooking(look: () => void): Disposable {
    const place = awaited.add(look);
    looking ??= setInterval(lookAtAll, LOOK_EVERY_MS);
    return {
      [Symbol.dispose]() {
        place[Symbol.dispose]();
        if (awaited.size > 0) return;
        clearInterval(looking);
        looking = undefined;
      },
    };
  }

  const back = broker.onUp(() => {
    reconnects += 1;
    lookAtAll();
  });

  return {
    listen(jobId, unborn) {
      const ended = deferred<Job>();
      // nobody may be waiting any more
      ended.promise.catch(() => undefined);
      const reconnectsBefore = reconnects;

      function take(stored: Stored | undefined): void {
        const record = stored && recordIn(stored);
        if (record === undefined)
          ended.reject(new MillraceError("job_not_found", `There is no job ${jobId}.`));
        else if (!isFinal(record.state)) return;
        else if (record.references === undefined) ended.resolve(jobOf(record));
        else fetch(jobId).then(ended.resolve, ended.reject);
      }

      function look(): void {
        broker
          .last(jobs.stream, jobs.record(jobId))
          .then(take)
          // the next look, or the push, will tell
          .catch(() => undefined);
      }

      const pushed = broker.listen(jobs.changedOf(jobId), take);
      return {
        async ended(signal) {
          using _looking = keepLooking(look);
          const giveUp = () => ended.reject(signal?.reason);
          signal?.addEventListener("abort", giveUp);
          if (signal?.aborted) giveUp();
          if (unborn === undefined || reconnects > reconnectsBefore) look();
          try {
            return await ended.promise;
          } finally {
            signal?.removeEventListener("abort", giveUp);
          }
        },
        [Symbol.dispose]: () => pushed[Symbol.dispose](),
      };
    },
    [Symbol.dispose]() {
      back[Symbol.dispose]();
      clearInterval(looking);
    },
  };
}
