import { describe, expect, it } from "vitest";

import {
  age,
  bytes,
  clip,
  commandLine,
  printable,
  shortDuration,
} from "../../../src/cli/display.ts";

describe("shortDuration", () => {
  it.each([
    [0, "0s"],
    [42, "42ms"],
    [1_234, "1.2s"],
    [9_960, "10s"],
    [42_400, "42s"],
    [59_999, "1m"],
    [185_000, "3m5s"],
    [7_800_000, "2h10m"],
    [3_599_999, "1h"],
    [356_400_000, "4d3h"],
  ])("%i ms is %s", (ms, text) => {
    expect(shortDuration(ms)).toBe(text);
  });
});

it("says how old an instant is, and never that it is in the future", () => {
  const now = Date.parse("2027-01-31T08:00:10Z");
  expect(age("2027-01-31T08:00:00Z", now)).toBe("10s");
  expect(age("2027-01-31T08:00:20Z", now)).toBe("0s");
  expect(age(undefined, now)).toBe("-");
});

it("counts bytes in units", () => {
  expect([0, 1023, 1024, 1536, 150 * 1024, 2 ** 40 * 3].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "150 KiB",
    "3.0 TiB",
  ]);
});

describe("text of others", () => {
  it("cannot steer the terminal", () => {
    expect(printable("a\u001b[2Jb\r\nc\u202ed\u009b")).toBe(
      "a\\u001b[2Jb\\u000d\\u000ac\\u202ed\\u009b",
    );
    expect(printable("grüß 日本 👋")).toBe("grüß 日本 👋");
  });

  it("is cut to the width", () => {
    expect(clip("abcdef", 6)).toBe("abcdef");
    expect(clip("abcdefg", 6)).toBe("abcde…");
    expect(clip("abc\ndef", 4)).toHaveLength(4);
  });

  it("is a command line that a shell reads back", () => {
    expect(commandLine(["sh", "-c", "echo 'hi' $HOME", ""])).toBe(
      `sh -c 'echo '\\''hi'\\'' $HOME' ''`,
    );
  });
});
