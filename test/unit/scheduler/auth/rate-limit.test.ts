// How often one caller may ask.
import { expect, test } from "vitest";

import { createRateLimit } from "../../../../src/scheduler/auth/rate-limit.ts";
import { MillraceError } from "../../../../src/shared/errors.ts";

function refusalOf(act: () => void): MillraceError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as MillraceError;
  }
}

test("so many at once, then so many per second, each caller alone", () => {
  let now = 0;
  const admit = createRateLimit(10, () => now);
  for (let count = 0; count < 10; count += 1) admit("ann");
  expect(refusalOf(() => admit("ann"))).toMatchObject({
    code: "too_many_requests",
    retryAfterS: 1,
  });
  admit("bob");
  now += 200;
  admit("ann");
  admit("ann");
  expect(refusalOf(() => admit("ann"))).toBeInstanceOf(MillraceError);
  now += 60_000;
  for (let count = 0; count < 10; count += 1) admit("ann");
  expect(refusalOf(() => admit("ann"))).toBeInstanceOf(MillraceError);
});

test("whoever keeps asking in vain is let in all the same when their time comes", () => {
  let now = 0;
  const admit = createRateLimit(1, () => now);
  admit("ann");
  let admitted = 0;
  for (; now < 10_000; now += 100) if (refusalOf(() => admit("ann")) === undefined) admitted += 1;
  expect(admitted).toBe(9);
});

test("any number of callers takes bounded room", () => {
  let now = 0;
  const admit = createRateLimit(1, () => now);
  for (let count = 0; count < 50_000; count += 1) {
    now += 1;
    admit(`caller ${count}`);
  }
  admit("one more");
  expect(refusalOf(() => admit("one more"))).toBeInstanceOf(MillraceError);
});
