import { expect, it } from "vitest";

import { byteRange } from "../../../../src/scheduler/http/byte-range.ts";

it.each([
  ["bytes=0-0", { from: 0, to: 1 }],
  ["bytes=2-5", { from: 2, to: 6 }],
  ["bytes=2-", { from: 2, to: 10 }],
  ["bytes=2-99", { from: 2, to: 10 }],
  ["bytes=-3", { from: 7, to: 10 }],
  ["bytes=-99", { from: 0, to: 10 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  [undefined, undefined],
  ["bytes=-", undefined],
  ["bytes=5-2", undefined],
  ["bytes=0-1,3-4", undefined],
  ["lines=0-1", undefined],
  ["bytes= 0-1", undefined],
  ["bytes=1e3-", undefined],
  [`bytes=${"9".repeat(40)}-`, undefined],
])("%s of ten bytes", (header, range) => {
  expect(byteRange(header, 10)).toEqual(range);
});

it("has no part of an empty file", () => {
  expect(byteRange("bytes=0-", 0)).toBe("unsatisfiable");
});
