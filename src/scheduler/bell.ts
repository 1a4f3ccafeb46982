// Wakes one waiter; rings that come while it is busy are not lost.
import { deferred } from "../shared/io/lifecycle.ts";

export type Bell = Disposable & {
  ring(): void;
  /** Resolves at the next ring, at once when it rang since the last wait, and also when the time is up. */
  wait(timeoutMs?: number): Promise<void>;
};

/** Rings for good when the signal aborts. */
export function createBell(signal: AbortSignal): Bell {
  let rang = false;
  let wake: (() => void) | undefined;

  function ring(): void {
    rang = true;
    wake?.();
  }

  async function untilWoken(timeoutMs: number): Promise<void> {
    const woken = deferred<void>();
    wake = () => woken.resolve();
    const timer = timeoutMs < Infinity ? setTimeout(wake, timeoutMs) : undefined;
    await woken.promise;
    clearTimeout(timer);
    wake = undefined;
  }

  // once, not for each wait: that would cost more than everything else a follower does for a chunk
  signal.addEventListener("abort", ring);
  return {
    ring,
    async wait(timeoutMs = Infinity) {
      if (!rang && !signal.aborted) await untilWoken(timeoutMs);
      rang = false;
    },
    [Symbol.dispose]: () => signal.removeEventListener("abort", ring),
  };
}
