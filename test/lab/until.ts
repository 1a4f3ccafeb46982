// Waits on a fact with a deadline; says what it waited for when the deadline passes.
import { setTimeout as delay } from "node:timers/promises";

/** The fact's value once it is truthy. A fact that throws is not true yet; its last error becomes the cause. */
export async function until<T>(
  fact: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
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
    await delay(20);
  }
}
