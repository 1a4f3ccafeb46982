// A timer for any duration: Node's own fire at once beyond 24.8 days.

const LONGEST_MS = 2 ** 31 - 1;

/** Calls `fire` once after `ms` milliseconds of the monotonic clock, unless disposed before. */
export function startTimer(ms: number, fire: () => void): Disposable {
  let timer: NodeJS.Timeout;
  function wait(restMs: number): void {
    const partMs = Math.min(restMs, LONGEST_MS);
    timer = setTimeout(() => (restMs > partMs ? wait(restMs - partMs) : fire()), partMs);
  }
  wait(ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
