// The worker's slots: taken before an attempt starts, given back by scope.

/** Room for an attempt; disposing gives it back. */
export type Slot = Disposable & {
  /** Something of the attempt goes on: the slot comes back only when that settles as well. */
  keepUntil(settled: Promise<unknown>): void;
};

export type Slots = {
  readonly total: number;
  readonly free: number;
  /** Slots whose attempt is over although its code still runs; they cannot be given to anybody. */
  readonly stuck: number;
  /** A slot if there is room now and nobody waits for it. */
  tryTake(count: number): Slot | undefined;
  /** Resolves when there is room, first come first served; undefined when the signal aborts before, or there never is. */
  take(count: number, signal: AbortSignal): Promise<Slot | undefined>;
};

type Waiting = { count: number; start(slot: Slot | undefined): void };

export function createSlots(total: number): Slots {
  let free = total;
  let stuck = 0;
  const line = new Set<Waiting>();

  function release(count: number): void {
    free += count;
    for (const first of line) {
      if (first.count > free) return;
      line.delete(first);
      first.start(hold(first.count));
    }
  }

  function hold(count: number): Slot {
    free -= count;
    let lingering: Promise<unknown> | undefined;
    return {
      keepUntil(settled) {
        lingering = settled;
      },
      [Symbol.dispose]() {
        if (lingering === undefined) return release(count);
        stuck += count;
        const comeBack = () => {
          stuck -= count;
          release(count);
        };
        lingering.then(comeBack, comeBack);
      },
    };
  }

  const tryTake = (count: number): Slot | undefined =>
    line.size === 0 && count <= free ? hold(count) : undefined;

  return {
    total,
    get free() {
      return free;
    },
    get stuck() {
      return stuck;
    },
    tryTake,
    take(count, signal) {
      if (count > total || signal.aborted) return Promise.resolve(undefined);
      const slot = tryTake(count);
      if (slot !== undefined) return Promise.resolve(slot);
      return new Promise((resolve) => {
        const waiting: Waiting = { count, start: resolve };
        line.add(waiting);
        signal.addEventListener(
          "abort",
          () => {
            if (line.delete(waiting)) resolve(undefined);
          },
          { once: true },
        );
      });
    },
  };
}
