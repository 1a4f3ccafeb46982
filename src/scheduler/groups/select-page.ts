// Picks one page out of many in one pass, without sorting all of them.

export type PageOrder<T> = {
  /** Negative when `a` comes first; never 0 for two of them. */
  compare(a: T, b: T): number;
  /** True for what comes behind the end of the page before. */
  isBehind(item: T): boolean;
  limit: number;
};

/** The first `limit` items behind the page before, in order, and whether there are more. Cheapest when they come in order. */
export function selectPage<T>(
  items: Iterable<T>,
  { compare, isBehind, limit }: PageOrder<T>,
): { page: T[]; more: boolean } {
  const best: T[] = [];
  for (const item of items) {
    if (!isBehind(item)) continue;
    const last = best.at(-1);
    if (best.length > limit && last !== undefined && compare(item, last) > 0) continue;
    best.splice(placeOf(best, item, compare), 0, item);
    if (best.length > limit + 1) best.pop();
  }
  return { page: best.slice(0, limit), more: best.length > limit };
}

function placeOf<T>(sorted: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(sorted[middle] as T, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
