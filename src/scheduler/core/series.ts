// How much happened lately: counts and waits per minute of the last hour and per hour of the last day, kept as facts come in.
import type { FinalState } from "../../shared/job.ts";

export type Count = "submitted" | "started" | FinalState;

/** Waits from the instant a job could start to its start. Percentiles are upper bounds, at most a fifth too large. */
export type Waits = { averageMs: number; p50Ms: number; p95Ms: number; maxMs: number };

/** One minute or hour that begins at `at` (epoch ms); `wait` is absent when nothing started. */
export type Span = Record<Count, number> & { at: number; wait?: Waits };

export type Series = {
  count(what: Exclude<Count, "started">, at: number): void;
  /** An attempt started after so long a wait. */
  started(at: number, waitMs: number): void;
  /** Oldest first; the last span is the one that `now` is in. */
  read(now: number): { minutes: Span[]; hours: Span[] };
};

type Bucket = Record<Count, number> & {
  slot: number;
  waitMs: number;
  maxMs: number;
  /** Starts by length of the wait; made when the first is counted. */
  waits: Uint32Array | undefined;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MINUTES = 60;
const HOURS = 24;
/** A wait of 2^(n/4) ms falls into class n: up to 45 days. */
const PER_OCTAVE = 4;
const CLASSES = 128;

export function createSeries(): Series {
  const minutes = createRing(MINUTE_MS, MINUTES);
  const hours = createRing(HOUR_MS, HOURS);

  function each(at: number, act: (bucket: Bucket) => void): void {
    for (const ring of [minutes, hours]) {
      const bucket = ring.bucketAt(at);
      if (bucket) act(bucket);
    }
  }

  return {
    count: (what, at) =>
      each(at, (bucket) => {
        bucket[what] += 1;
      }),
    started: (at, waitMs) => each(at, (bucket) => addWait(bucket, Math.max(0, waitMs))),
    read: (now) => ({ minutes: minutes.read(now), hours: hours.read(now) }),
  };
}

/** Buckets in a circle: a newer one takes the place of the one that is a whole round older. */
function createRing(widthMs: number, size: number) {
  const buckets: (Bucket | undefined)[] = Array.from({ length: size });
  return {
    /** Undefined for an instant whose bucket is no longer kept. */
    bucketAt(at: number): Bucket | undefined {
      const slot = Math.floor(at / widthMs);
      const known = buckets[slot % size];
      if (known !== undefined && known.slot >= slot) return known.slot === slot ? known : undefined;
      return (buckets[slot % size] = newBucket(slot));
    },
    read(now: number): Span[] {
      const newest = Math.floor(now / widthMs);
      return Array.from({ length: size }, (_, i) => {
        const slot = newest - size + 1 + i;
        const known = buckets[slot % size];
        return spanOf(known?.slot === slot ? known : newBucket(slot), slot * widthMs);
      });
    },
  };
}

const newBucket = (slot: number): Bucket => ({
  slot,
  submitted: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  expired: 0,
  waitMs: 0,
  maxMs: 0,
  waits: undefined,
});

function addWait(bucket: Bucket, waitMs: number): void {
  const waits = (bucket.waits ??= new Uint32Array(CLASSES));
  const own = Math.min(CLASSES - 1, Math.ceil(PER_OCTAVE * Math.log2(Math.max(1, waitMs))));
  waits[own] = (waits[own] ?? 0) + 1;
  bucket.started += 1;
  bucket.waitMs += waitMs;
  bucket.maxMs = Math.max(bucket.maxMs, waitMs);
}

function spanOf({ slot: _slot, waits, waitMs, maxMs, ...counts }: Bucket, at: number): Span {
  if (waits === undefined) return { at, ...counts };
  const share = (part: number) => Math.min(maxMs, percentile(waits, counts.started * part));
  const averageMs = Math.round(waitMs / counts.started);
  return { at, ...counts, wait: { averageMs, p50Ms: share(0.5), p95Ms: share(0.95), maxMs } };
}

function percentile(waits: Uint32Array, rank: number): number {
  let counted = 0;
  for (const [own, count] of waits.entries()) {
    counted += count;
    if (counted >= rank) return Math.round(2 ** (own / PER_OCTAVE));
  }
  return Infinity;
}
