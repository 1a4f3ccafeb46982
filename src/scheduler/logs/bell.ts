// Wakes one waiting reader; rings that come while it is busy are not lost.
import { deferred } from "../../shared/io/lifecycle.ts";

export type Bell = {
  ring(): void;
  /** Resolves at the next ring, at once when it rang since the last wait, and also when the signal aborts or the time is up. */
  wait(signal: AbortSignal, timeoutMs?: number): Promise<void>;
};

export function createBell(): Bell {
  let rang = false;
  let wake: (() => void) | undefined;

  async function untilWoken(signal: AbortSignal, timeoutMs: number): Promise<void> {
    const woken = deferred<void>();
    const wakeNow = () => woken.resolve();
    wake = wakeNow;
    const timer = timeoutMs < Infinity ? setTimeout(wakeNow, timeoutMs) : undefined;
    signal.addEventListener("abort", wakeNow, { once: true });
    await woken.promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", wakeNow);
  }

  return {
    ring() {
      rang = true;
      wake?.();
    },
    async wait(signal, timeoutMs = Infinity) {
      if (!rang && !signal.aborted) await untilWoken(signal, timeoutMs);
      rang = false;
    },
  };
}
