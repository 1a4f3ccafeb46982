// A timer of any length that is cleared by scope; the system's own fires at once beyond 24 days.
const LONGEST_MS = 2 ** 31 - 1;

export function after(ms: number, act: () => void): Disposable {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(leftMs, LONGEST_MS);
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : act()), Math.max(0, stepMs));
  };
  arm(ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Calls `act` when the signal aborts, at once if it has; no more once disposed. */
export function onAbort(signal: AbortSignal, act: () => void): Disposable {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", act) };
}
