import { expect, it } from "vitest";

import type { Sample } from "../../soak/gauge.ts";
import { compare } from "../../soak/verdict.ts";

/** An hour, looked at every half minute; the values by the minute. */
const hour = (
  rssKb: (minute: number) => number,
  files: (minute: number) => number = () => 30,
): Sample[] =>
  Array.from({ length: 120 }, (_, i) => {
    const minute = (i + 1) / 2;
    return {
      atS: minute * 60,
      rssKb: { scheduler: rssKb(minute) },
      held: { "scheduler: open files": files(minute) },
      stored: {},
    };
  });

const grown = (samples: Sample[]) =>
  compare(samples).flatMap(({ what, grew }) => (grew ? [what] : []));

it("takes what swings about a level for flat", () => {
  expect(
    grown(
      hour(
        (m) => 100_000 + 9_000 * Math.sin(m),
        (m) => 30 + (m % 3),
      ),
    ),
  ).toEqual([]);
});

it("does not count what the first five minutes take", () => {
  expect(grown(hour((m) => (m < 5 ? 50_000 : 100_000)))).toEqual([]);
});

it("finds memory that grows by two percent every five minutes", () => {
  expect(grown(hour((m) => 100_000 * (1 + 0.004 * m)))).toEqual(["scheduler"]);
});

it("finds files that stay open", () => {
  expect(
    grown(
      hour(
        () => 100_000,
        (m) => 30 + m,
      ),
    ),
  ).toEqual(["scheduler: open files"]);
});

it("takes a process that is gone for no good sign", () => {
  const samples = hour(() => 100_000).map((sample) =>
    sample.atS > 3_500 ? { ...sample, rssKb: {} } : sample,
  );
  expect(grown(samples)).toEqual(["scheduler"]);
});
