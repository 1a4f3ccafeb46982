// Judges whether anything grew: the last twelfth of the samples against the second one, five minutes each of an hour. Pure.
import type { Figures, Sample } from "./gauge.ts";

export type Comparison = { what: string; before: number; after: number; grew: boolean };

const PARTS = 12;
/** Of the resident size; pages come and go. */
const MEMORY_SLACK = 1.1;
/** Files, subscriptions and connections: one more follower or program at the instant of looking is no growth. */
const COUNT_SLACK = 3;

/** Every figure's median then and at the end, and whether that is growth. */
export function compare(samples: readonly Sample[]): Comparison[] {
  const lastS = samples.at(-1)?.atS ?? 0;
  const part = (n: number) =>
    samples.filter(({ atS }) => atS > (lastS * n) / PARTS && atS <= (lastS * (n + 1)) / PARTS);
  const [early, late] = [part(1), part(PARTS - 1)];
  const judge = (figures: (sample: Sample) => Figures, most: (before: number) => number) =>
    Object.keys(figures(samples[0] ?? NOTHING)).map((what) => {
      const before = median(early.map((sample) => figures(sample)[what]));
      const after = median(late.map((sample) => figures(sample)[what]));
      // not a number where the process is gone: that is no verdict to be glad of
      return { what, before, after, grew: !(after <= most(before)) };
    });
  return [
    ...judge(
      ({ rssKb }) => rssKb,
      (before) => before * MEMORY_SLACK,
    ),
    ...judge(
      ({ held }) => held,
      (before) => before + COUNT_SLACK,
    ),
  ];
}

const NOTHING: Sample = { atS: 0, rssKb: {}, held: {}, stored: {} };

function median(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return known.length === values.length ? (known[Math.floor(known.length / 2)] ?? NaN) : NaN;
}
