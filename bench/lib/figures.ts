// Percentiles and how figures are shown.

/** The value below which the share `p` (0 to 1) of the samples lies. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}

export const show = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);

/** Runs `act` for 0 … count-1, at most `width` at once. */
export async function inParallel(
  count: number,
  width: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

export const microseconds = (): number => Number(process.hrtime.bigint() / 1_000n);

export async function secondsOf(act: () => Promise<void>): Promise<number> {
  const from = microseconds();
  await act();
  return (microseconds() - from) / 1e6;
}
