// Bytes that all attempts of a worker share. Pure.

export type Budget = {
  /** False when nothing is left. A taker may overdraw by what it takes last. */
  hasRoom(bytes?: number): boolean;
  take(bytes: number): void;
  give(bytes: number): void;
  /** Calls once when there is room again, in the order of asking. */
  whenRoom(listener: () => void): void;
  forget(listener: () => void): void;
};

export function createBudget(limit: number): Budget {
  const waiting = new Set<() => void>();
  let taken = 0;
  const hasRoom = (bytes = 1) => taken + bytes <= limit;
  return {
    hasRoom,
    take(bytes) {
      taken += bytes;
    },
    give(bytes) {
      taken -= bytes;
      for (const listener of waiting) {
        if (!hasRoom()) return;
        waiting.delete(listener);
        listener();
      }
    },
    whenRoom: (listener) => void waiting.add(listener),
    forget: (listener) => void waiting.delete(listener),
  };
}
