// What a terminal or a supervisor may say to the worker: the first signal drains it, the second ends it now.
export type StopSignals = {
  /** Finish what runs, then leave. */
  drain: AbortSignal;
  /** Stop everything and leave. */
  now: AbortSignal;
};

const NAMES = ["SIGTERM", "SIGINT"] as const;

export function listenForStop(source: NodeJS.Process = process): StopSignals & Disposable {
  const drain = new AbortController();
  const now = new AbortController();
  const onSignal = (): void => (drain.signal.aborted ? now : drain).abort();
  for (const name of NAMES) source.on(name, onSignal);
  return {
    drain: drain.signal,
    now: now.signal,
    [Symbol.dispose]() {
      for (const name of NAMES) source.off(name, onSignal);
    },
  };
}
