// The two clocks: wall time for records and people, monotonic time for every lease and deadline.
import { performance } from "node:perf_hooks";

export type Clock = {
  /** Epoch milliseconds; may jump. */
  now(): number;
  /** Milliseconds since some fixed instant; never jumps, never compared across hosts. */
  mono(): number;
};

export const systemClock: Clock = { now: () => Date.now(), mono: () => performance.now() };
