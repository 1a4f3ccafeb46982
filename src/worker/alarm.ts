// A wait that others can shorten.
import { setTimeout as sleep } from "node:timers/promises";

import type { Clock } from "../shared/io/clock.ts";

export type Alarm = {
  /** Waits, until somebody rings or the signal aborts. A ring while nobody waits ends the next wait at once. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  ring(): void;
  /** Ends the wait at this monotonic instant if it would last longer. */
  ringAt(mono: number): void;
};

export function createAlarm(clock: Clock): Alarm {
  let dueAt = Infinity;
  let changed = new AbortController();

  return {
    async wait(ms, signal) {
      const end = clock.mono() + ms;
      while (!signal.aborted) {
        const leftMs = Math.min(dueAt, end) - clock.mono();
        if (leftMs <= 0) break;
        changed = new AbortController();
        const wake = AbortSignal.any([signal, changed.signal]);
        // Rejects when woken: the loop looks at what changed.
        await sleep(leftMs, undefined, { signal: wake }).catch(() => undefined);
      }
      dueAt = Infinity;
    },
    ring() {
      dueAt = -Infinity;
      changed.abort();
    },
    ringAt(mono) {
      dueAt = Math.min(dueAt, mono);
      changed.abort();
    },
  };
}
