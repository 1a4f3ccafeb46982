// Limits how often each caller may ask: a bucket of tokens each that fills steadily.
import { MillraceError } from "../../shared/errors.ts";

/** Counts one request of the caller; throws `too_many_requests` when there were too many. */
export type RateLimit = (who: string) => void;

export const unlimited: RateLimit = () => {};

type Bucket = { tokens: number; at: number };

/** Beyond this many callers, those that have not asked for a while are forgotten: their buckets are full again. */
const MAX_BUCKETS = 10_000;

/** `perSecond` requests on average, as many at once after a pause. */
export function createRateLimit(perSecond: number, mono: () => number): RateLimit {
  const buckets = new Map<string, Bucket>();

  function forgetFull(now: number): void {
    for (const [who, { tokens, at }] of buckets)
      if (tokens + ((now - at) / 1_000) * perSecond >= perSecond) buckets.delete(who);
    if (buckets.size >= MAX_BUCKETS) buckets.clear();
  }

  return (who) => {
    const now = mono();
    const { tokens, at } = buckets.get(who) ?? { tokens: perSecond, at: now };
    const filled = Math.min(perSecond, tokens + ((now - at) / 1_000) * perSecond);
    if (buckets.size >= MAX_BUCKETS) forgetFull(now);
    const isAllowed = filled >= 1;
    buckets.set(who, { tokens: isAllowed ? filled - 1 : filled, at: now });
    if (isAllowed) return;
    throw new MillraceError(
      "too_many_requests",
      `You may ask ${perSecond} times a second; wait a little.`,
      { retryAfterS: Math.max(1, Math.ceil((1 - filled) / perSecond)) },
    );
  };
}
