// Waits on a fact with a deadline; says what it waited for when the deadline passes.
import { setTimeout as delay } from "node:timers/promises";

/** Between two looks: what takes long is looked at less often, for looking takes time away from what is waited for. */
const [SHORTEST_MS, LONGEST_MS] = [20, 50];

/** The fact's value once it is truthy. A fact that throws is not true yet; its last error becomes the cause. */
export async function until<T>(
  fact: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (let pauseMs = SHORTEST_MS; ; pauseMs = Math.min(pauseMs * 1.1, LONGEST_MS)) {
    let cause: unknown;
    try {
      const value = await fact();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > giveUpAt) {
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause });
    }
    await delay(pauseMs);
  }
}
