// Output as a caller reads it: stored and live through one cursor, over the attempts of a job.
import type { Channel } from "../../shared/chunk.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createAttemptReader } from "./attempt-reader.ts";
import { createBell } from "../bell.ts";
import { decodeCursor } from "./cursor.ts";
import type { LogEntry } from "./entry.ts";
import { createLiveHub } from "./live.ts";
import { createReplay } from "./replay.ts";
import { createSeek } from "./seek.ts";
import { beginning, type Start } from "./track.ts";
import type { LogView } from "./view.ts";

export type LogQuery = {
  job: string;
  /** A number, or the newest, or all from the first on. The latter two go on to later attempts while the job is followed. */
  attempt: number | "latest" | "all";
  channel?: Channel;
  /** Only the last lines of the first attempt that is read. */
  tail?: number;
  /** Only chunks that were read at this instant or later; epoch milliseconds. */
  since?: number;
  /** Continues after the entry that carried this cursor; `tail` does not count then. */
  from?: string;
  /** Goes on until the attempt (or, unless it was given by number, the job) has ended. */
  follow: boolean;
};

export type LogReader = {
  /**
   * Entries in order, many at a time; never an empty batch. Throws `invalid_cursor`, `attempt_not_found`, and, when not
   * following, `broker_unavailable`; a follower waits for the broker instead.
   */
  read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogEntry[]>;
};

export function createLogReader({ broker, view }: { broker: Broker; view: LogView }): LogReader {
  const replay = createReplay(broker);
  const attempts = createAttemptReader({ broker, view, replay, hub: createLiveHub(broker) });
  const seek = createSeek(replay);

  function firstStart({ job, attempt, from }: LogQuery): Start {
    const latest = view.latestAttempt(job);
    if (typeof attempt === "number" && (attempt < 1 || attempt > latest))
      throw new MillraceError(
        "attempt_not_found",
        `Job ${job} has ${latest} attempts; ask for one of them, or for the latest.`,
        { field: "attempt" },
      );
    if (from !== undefined) return cursorStart(job, attempt, from);
    if (typeof attempt === "number") return beginning(job, attempt);
    return beginning(job, attempt === "all" ? 1 : Math.max(1, latest));
  }

  /** Resolves to true when the job has that attempt. */
  async function awaitAttempt(
    start: Start,
    follow: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { job, attempt } = start;
    using bell = createBell(signal);
    using _watching = view.watch(job, bell.ring);
    while (view.latestAttempt(job) < attempt) {
      if (!follow || signal.aborted || view.jobFinished(job)) return false;
      await bell.wait();
    }
    return true;
  }

  async function narrowed(start: Start, { channel, tail, since, from }: LogQuery): Promise<Start> {
    const { job, attempt } = start;
    if (from !== undefined) return start;
    if (tail !== undefined) return seek.tail(job, attempt, tail, channel);
    return since === undefined ? start : seek.since(job, attempt, since);
  }

  return {
    async *read(query, signal) {
      const { job, follow } = query;
      let start = firstStart(query);
      let isFirst = true;
      while (await awaitAttempt(start, follow, signal)) {
        if (isFirst) start = await narrowed(start, query);
        isFirst = false;
        if (!start.ended) {
          for await (const entries of attempts.read(start, follow, signal)) {
            const wanted = entries.filter((entry) => isWanted(entry, query));
            if (wanted.length > 0) yield wanted;
          }
        }
        if (typeof query.attempt === "number" || signal.aborted) return;
        start = beginning(job, start.attempt + 1);
      }
    },
  };
}

function cursorStart(job: string, attempt: LogQuery["attempt"], from: string): Start {
  const start = decodeCursor(job, from);
  if (typeof attempt !== "number" || attempt === start.attempt) return start;
  throw new MillraceError(
    "invalid_cursor",
    `The cursor is from attempt ${start.attempt}; ask for that attempt, or leave the cursor out.`,
    { field: "from" },
  );
}

function isWanted(entry: LogEntry, { channel, since }: LogQuery): boolean {
  if (entry.kind === "end") return true;
  if (channel !== undefined && entry.channel !== channel) return false;
  return since === undefined || entry.kind === "gap" || entry.at >= since;
}
