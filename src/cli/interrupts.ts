// Ctrl-C and its like, as calls instead of the end of the program.

export type Interrupt = "SIGINT" | "SIGTERM";

/** Calls the listener at each SIGINT or SIGTERM until disposed. */
export function onInterrupt(listener: (signal: Interrupt, count: number) => void): Disposable {
  let count = 0;
  const listen = (signal: NodeJS.Signals) => {
    count += 1;
    listener(signal as Interrupt, count);
  };
  process.on("SIGINT", listen).on("SIGTERM", listen);
  return {
    [Symbol.dispose]: () => void process.off("SIGINT", listen).off("SIGTERM", listen),
  };
}
