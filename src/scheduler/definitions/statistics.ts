// Statistics of runs, kept as they come and go: nothing is ever gone through to answer.
import type { Run } from "./run-index.ts";

const HOUR_MS = 3_600_000;
/** Durations within 5 % of each other are taken for equal. */
const GROWTH = Math.log(1.05);

type Ends = { succeeded: number; failed: number; cancelled: number; expired: number };
type End = keyof Ends;

export type Summary = Ends & {
  total: number;
  /** Of runs that succeeded or failed, in ms; percentiles within 5 %. */
  averageMs?: number;
  p50Ms?: number;
  p95Ms?: number;
};

export type Statistics = {
  /** Counts the run in (1) or out again (-1), as it stands. Test runs are passed over. */
  take(run: Run, by: 1 | -1): void;
  /** Ids of the runs that are not over, test runs included. */
  readonly live: ReadonlySet<string>;
  summary(): Summary;
  /** Ends per hour, the hour of `now` last. */
  lastDay(now: number): (Ends & { hour: number })[];
};

const noEnds = (): Ends => ({ succeeded: 0, failed: 0, cancelled: 0, expired: 0 });
const isEnd = (state: Run["state"]): state is End => state !== "queued" && state !== "running";

export function createStatistics(): Statistics {
  const live = new Set<string>();
  const ends = noEnds();
  const hours = new Map<number, Ends>();
  const durations = new Map<number, number>();
  let total = 0;
  let measured = 0;
  let sumMs = 0;

  function takeHour(at: number, end: End, by: 1 | -1): void {
    const hour = Math.floor(at / HOUR_MS);
    const counts = hours.get(hour) ?? noEnds();
    counts[end] += by;
    if (Object.values(counts).every((count) => count === 0)) hours.delete(hour);
    else hours.set(hour, counts);
  }

  function takeDuration(ms: number, by: 1 | -1): void {
    const step = Math.round(Math.log(ms + 1) / GROWTH);
    const count = (durations.get(step) ?? 0) + by;
    if (count === 0) durations.delete(step);
    else durations.set(step, count);
    measured += by;
    sumMs += ms * by;
  }

  function percentile(share: number): number {
    let left = Math.ceil(measured * share);
    for (const step of [...durations.keys()].toSorted((a, b) => a - b)) {
      left -= durations.get(step) ?? 0;
      if (left <= 0) return Math.round(Math.exp(step * GROWTH) - 1);
    }
    return 0;
  }

  return {
    live,
    take(run, by) {
      const { id, state, test, startedAt, finishedAt } = run;
      if (by === 1 && !isEnd(state)) live.add(id);
      else live.delete(id);
      if (test) return;
      total += by;
      if (!isEnd(state)) return;
      ends[state] += by;
      if (finishedAt === undefined) return;
      takeHour(finishedAt, state, by);
      if (startedAt !== undefined && (state === "succeeded" || state === "failed"))
        takeDuration(Math.max(0, finishedAt - startedAt), by);
    },
    summary: () => ({
      total,
      ...ends,
      ...(measured === 0
        ? {}
        : {
            averageMs: Math.round(sumMs / measured),
            p50Ms: percentile(0.5),
            p95Ms: percentile(0.95),
          }),
    }),
    lastDay(now) {
      const newest = Math.floor(now / HOUR_MS);
      return Array.from({ length: 24 }, (_, place) => {
        const hour = newest - 23 + place;
        return { hour: hour * HOUR_MS, ...(hours.get(hour) ?? noEnds()) };
      });
    },
  };
}
