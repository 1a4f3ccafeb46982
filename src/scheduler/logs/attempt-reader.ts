// Reads the output of one attempt: what is stored, and then, when asked to follow, what comes, until it has ended.
import { hasCode } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { recordIn } from "../../shared/io/decode-record.ts";
import type { OutputTotals } from "../../shared/job.ts";
import { createBell } from "../bell.ts";
import { encodeCursor } from "./cursor.ts";
import type { EndEntry, LogEntry, LogItem } from "./entry.ts";
import type { LiveHub } from "./live.ts";
import type { LogView } from "./view.ts";
import type { Replay } from "./replay.ts";
import { createTrack, type Start, type Track } from "./track.ts";

export type AttemptReader = {
  /** Entries in order, many at a time. Ends after the end entry; without `follow` also where nothing more is stored. */
  read(start: Start, follow: boolean, signal: AbortSignal): AsyncGenerator<LogEntry[]>;
};

export type AttemptReaderDeps = { broker: Broker; view: LogView; hub: LiveHub; replay: Replay };

/** One reading of one attempt. */
type Reading = {
  start: Start;
  track: Track;
  follow: boolean;
  /** Since when the attempt has ended without its closing, on the monotonic clock. */
  lateSince?: number;
};

/** How long chunks may come after the attempt's end: from a replica that lags, or from a worker that was given up. */
const LATE_MS = 2_000;
const LATE_STEP_MS = 100;
const RETRY_MS = 500;
const UNTIL_CHANGE = Infinity;

export function createAttemptReader(deps: AttemptReaderDeps): AttemptReader {
  const { broker, view, hub, replay } = deps;
  const { jobs } = broker.subjects;

  async function* stored({ start, track }: Reading): AsyncGenerator<LogEntry[]> {
    for await (const { items } of replay.batches(start.job, start.attempt, track.seq)) {
      yield takeAll(track, items);
      const wentBack = items.length > 0 && track.seq !== items.at(-1)?.seq;
      if (track.ended || wentBack) return;
    }
  }

  /** Gives what is stored. Returns how long to wait before looking again, or undefined when there is nothing to wait for. */
  async function* look(reading: Reading): AsyncGenerator<LogEntry[], number | undefined> {
    const { start, track, follow } = reading;
    const before = track.seq;
    const hasEnded = view.attemptEnded(start.job, start.attempt);
    yield* stored(reading);
    if (track.ended) return undefined;
    if (track.seq !== before) return 0;
    if (hasEnded) return yield* lookForEnd(reading);
    return follow ? UNTIL_CHANGE : undefined;
  }

  /** Who follows waits for a broker that is away. */
  async function* lookPatiently(reading: Reading): AsyncGenerator<LogEntry[], number | undefined> {
    try {
      return yield* look(reading);
    } catch (error) {
      if (!reading.follow || !hasCode(error, "broker_unavailable")) throw error;
      return RETRY_MS;
    }
  }

  /** The attempt is over and the stream holds nothing more, but not the closing either. */
  async function* lookForEnd(reading: Reading): AsyncGenerator<LogEntry[], number | undefined> {
    const { start, track, follow } = reading;
    if (track.accept()) return 0;
    const now = broker.clock.mono();
    reading.lateSince ??= now;
    const totals = await recordedTotals(start);
    const mayCome = totals === undefined ? follow : totals.chunks > track.position.next;
    if (mayCome && now - reading.lateSince < LATE_MS) return LATE_STEP_MS;
    yield [endOf(start, track, totals)];
    return undefined;
  }

  /** What the job's record says about the output of an attempt that has ended. */
  async function recordedTotals({ job, attempt }: Start): Promise<OutputTotals | undefined> {
    const message = await broker.last(jobs.stream, jobs.record(job));
    const record = message && recordIn(message);
    return record?.attempts.find(({ number }) => number === attempt)?.output;
  }

  return {
    async *read(start, follow, signal) {
      using bell = createBell(signal);
      using live = follow ? hub.join(start.job, start.attempt, bell.ring) : undefined;
      using _watching = view.watch(start.job, bell.ring);
      const track = createTrack(start);
      const reading: Reading = { start, track, follow };
      while (!signal.aborted && !track.ended) {
        const recent = live?.after(track.seq);
        if (recent !== undefined && recent.length > 0) {
          yield takeAll(track, recent);
          continue;
        }
        // the push is at most once: after the attempt's end only the stream tells that nothing is missing
        const inStep = recent !== undefined && !view.attemptEnded(start.job, start.attempt);
        const waitMs = inStep ? UNTIL_CHANGE : yield* lookPatiently(reading);
        if (waitMs === undefined) return;
        if (waitMs > 0) await bell.wait(waitMs);
      }
    },
  };
}

/** An attempt that wrote nothing has no closing: then, and only then, its output is complete without one. */
function endOf({ attempt }: Start, track: Track, totals?: OutputTotals): EndEntry {
  const cursor = encodeCursor({ ...track.position, ended: true });
  const complete = totals?.chunks === 0 && totals.dropped === 0;
  return { kind: "end", attempt, complete, ...(totals === undefined ? {} : { totals }), cursor };
}

/** What follows in order, up to where the track goes back. */
function takeAll(track: Track, items: readonly LogItem[]): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const item of items) {
    entries.push(...track.take(item));
    if (track.ended || track.seq !== item.seq) return entries;
  }
  return entries;
}
