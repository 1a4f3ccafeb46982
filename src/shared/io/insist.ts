// Doing things again while the broker is away, and several at once.
import { hasCode } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { pause } from "./lifecycle.ts";

export type Patience = {
  /** How long a broker that is away is waited for, in milliseconds; default 30 s. */
  patienceMs?: number;
  /** Ends that wait. */
  signal?: AbortSignal;
};

const PATIENCE_MS = 30_000;
const AGAIN_MS = 250;

/** Calls `act` until it fails otherwise than with `broker_unavailable`, or patience ends. It must be harmless when done twice. */
export async function insist<T>(
  clock: Clock,
  { patienceMs = PATIENCE_MS, signal }: Patience,
  act: () => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.mono() + patienceMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!hasCode(error, "broker_unavailable")) throw error;
      if (signal?.aborted || clock.mono() >= giveUpAt) throw error;
      await pause(AGAIN_MS, signal);
    }
  }
}

/** Calls `act` for 0 to before `count`, at most `width` at once. After a failure no more are begun, and it is thrown once all have ended. */
export async function inLanes(
  width: number,
  count: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  async function lane(): Promise<void> {
    try {
      while (next < count) await act(next++);
    } catch (error) {
      next = count;
      throw error;
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(width, count) }, lane));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
