// Randomness from a seed: everything that a history leaves open is drawn here.

export type Random = {
  /** In [0, 1). */
  next(): number;
  /** A whole number, both ends included. */
  int(min: number, max: number): number;
  between(min: number, max: number): number;
  /** Between the two, small values as likely as large ones in each order of magnitude. */
  spread(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A source of its own, so that what one part draws does not change what another gets. */
  fork(): Random;
};

const RANGE = 2 ** 32;

/** Mulberry32: small, quick, and good enough to choose faults with. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) | 0;

  function next(): number {
    state = (state + 0x6d2b_79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / RANGE;
  }

  const between = (min: number, max: number) => min + next() * (max - min);
  const int = (min: number, max: number) => Math.floor(between(min, max + 1));
  return {
    next,
    int,
    between,
    spread: (min, max) => Math.exp(between(Math.log(min), Math.log(max))),
    chance: (probability) => next() < probability,
    pick: (from) => from[int(0, from.length - 1)] as (typeof from)[number],
    fork: () => createRandom(Math.floor(next() * RANGE)),
  };
}
