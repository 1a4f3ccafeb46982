// Works through many items with a bounded number under way.

/** Calls `act` for each item, at most `width` at once. Stops taking items after the first failure and throws it when all under way are done. */
export async function inLanes<T>(
  items: Iterable<T>,
  width: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const source = items[Symbol.iterator]();
  let failed = false;

  async function lane(): Promise<void> {
    for (let next = source.next(); !failed && !next.done; next = source.next()) {
      try {
        await act(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }

  const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const result of lanes) if (result.status === "rejected") throw result.reason;
}
