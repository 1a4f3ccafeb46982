// Keeps trying while a server is away, for a bounded time.
import { MillraceError } from "../shared/errors.ts";
import { pause } from "../shared/io/lifecycle.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** A server that is away for longer is not waited for. */
const PATIENCE_MS = 5 * 60_000;

/** Repeats `act` while it fails in a way that passes by itself; throws its last error when patience is over. */
export async function persistently<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await act();
    } catch (error) {
      const passing = error instanceof MillraceError && error.retryable;
      if (!passing || signal.aborted || performance.now() > giveUpAt) throw error;
      await pause(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}
