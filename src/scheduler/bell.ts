// Wakes one waiter; rings that nobody waits for are remembered as one.

export type Bell = {
  ring(): void;
  /** Resolves at the next ring, or at once after a missed one; also at the abort or after `timeoutMs`. */
  wait(signal: AbortSignal, timeoutMs?: number): Promise<void>;
};

export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;

  function nextRing(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        wake = undefined;
        resolve();
      }
      signal.addEventListener("abort", done);
      wake = done;
    });
  }

  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(signal, timeoutMs) {
      if (!rung && !signal.aborted) await nextRing(signal, timeoutMs);
      rung = false;
    },
  };
}
