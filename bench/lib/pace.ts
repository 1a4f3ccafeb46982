// How work is offered: so many at once, or timed as a whole.
import { microseconds } from "./figures.ts";

/** Runs `act` for 0 … count-1, at most `width` at once. */
export async function inParallel(
  count: number,
  width: number,
  act: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

/** So many submissions under way at once, however many have not ended yet; resolves when all have. */
export async function submitAll(
  count: number,
  width: number,
  submit: () => Promise<{ ended: Promise<unknown> }>,
): Promise<void> {
  const ends: Promise<unknown>[] = [];
  await inParallel(count, width, async () => ends.push((await submit()).ended));
  await Promise.all(ends);
}

export async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const from = microseconds();
  await act();
  return (microseconds() - from) / 1e6;
}
