// Durations, names, subjects, constraints and backoff: the small pure rules.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatConstraint, matches, parseConstraint } from "../../../src/shared/constraints.ts";
import { formatDuration, parseDuration } from "../../../src/shared/durations.ts";
import { ERROR_CODES, MillraceError, toProblem } from "../../../src/shared/errors.ts";
import { isJobId, isName, isPrefix, isWorkerId, workerName } from "../../../src/shared/names.ts";
import { backoffMs, lossBackoffMs } from "../../../src/shared/retry.ts";
import { afterTokens, createSubjects } from "../../../src/shared/subjects.ts";

describe("durations", () => {
  it.each([
    ["0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5s", 1_500],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "5", "s", "-1s", "1 s", "1w", "1e3s", "NaNs", "1s ", "1".repeat(40)])(
    "%j is none",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it("are written so that they read back the same", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31_622_400_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe("names", () => {
  const hostile = [
    "",
    "*",
    ">",
    "a.b",
    "a b",
    "a\tb",
    "a\0",
    "..",
    "/",
    "$SYS",
    "_INBOX",
    "-a",
    "a-",
    "é",
    "x".repeat(65),
    "a\r\nb",
  ];

  it.each(hostile)("%j is no name, job id, worker id or prefix", (text) => {
    expect([isName(text), isJobId(text), isWorkerId(text), isPrefix(text)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it("accepts what Millrace gives out", () => {
    expect(isJobId("0123456789abcdefghij")).toBe(true);
    expect(isWorkerId("build-box_1-a1b2c3d4")).toBe(true);
    expect(workerName("build-box_1-a1b2c3d4")).toBe("build-box_1");
  });
});

describe("subjects", () => {
  it("stand below the prefix, so that installations never meet", () => {
    const subjects = createSubjects("acme");
    expect(subjects.jobs.record("j")).toBe("acme.job.j");
    expect(subjects.jobs.stream).toBe("ACME_JOBS");
    expect(subjects.workers.key("w")).toBe("$KV.acme_workers.w");
    expect(() => createSubjects("a.b")).toThrow(MillraceError);
  });

  it("are cut at their dots", () => {
    expect(afterTokens("mr.job.abc.cancel", 2)).toBe("abc.cancel");
  });
});

describe("constraints", () => {
  const labels = { os: "linux", cpus: "8", zone: "a" };

  it.each([
    ["os=linux", true],
    ["os=Linux", false],
    ["os!=windows", true],
    ["rack!=7", true],
    ["rack=7", false],
    ["zone in (a,b)", true],
    ["zone notin (a, b)", false],
    ["rack notin (1)", true],
    ["zone", true],
    ["gpu", false],
    ["!gpu", true],
    ["cpus>=8", true],
    ["cpus > 8", false],
    ["cpus<9", true],
    ["cpus<=7.5", false],
    ["os>1", false],
    ["toString", false],
    ["!constructor", true],
  ])("%s: %s", (text, expected) => {
    const constraint = parseConstraint(text);
    expect(matches(constraint, labels)).toBe(expected);
    expect(parseConstraint(formatConstraint(constraint))).toEqual(constraint);
  });

  it.each([
    "",
    "=",
    "=x",
    "a=",
    "a>b",
    "a>=",
    "a in ()",
    "a in (b",
    "a ~ b",
    "*",
    "a b",
    "a".repeat(300),
  ])("%j is refused with a sentence", (text) =>
    expect(() => parseConstraint(text)).toThrow(/is no constraint/),
  );
});

describe("backoff", () => {
  it("grows by its factor to its maximum", () => {
    const exact = { initial: "1s", factor: 2, max: "5s", jitter: 0 };
    expect([1, 2, 3, 4, 40].map((failures) => backoffMs(exact, failures, 0.9))).toEqual([
      1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
  });

  it("spreads by its jitter, never beyond the full wait", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 1, max: 99 }),
        (random, failures) => {
          const wait = backoffMs(
            { initial: "1s", factor: 2, max: "1m", jitter: 0.5 },
            failures,
            random,
          );
          const full = Math.min(60_000, 1_000 * 2 ** (failures - 1));
          expect(wait).toBeGreaterThanOrEqual(full / 2);
          expect(wait).toBeLessThanOrEqual(full);
        },
      ),
    );
  });

  it("makes the first loss of a worker good at once", () => {
    expect(lossBackoffMs(1, 0.5)).toBe(0);
    expect(lossBackoffMs(2, 0.5)).toBeGreaterThan(0);
  });
});

describe("problems", () => {
  it("name the code and the field, and hide what is not ours", () => {
    expect(toProblem(new MillraceError("invalid_spec", "no", { field: "timeout" }))).toMatchObject({
      status: 422,
      code: "invalid_spec",
      field: "timeout",
    });
    expect(toProblem(new Error("secret"))).toMatchObject({ status: 500, code: "internal" });
    expect(JSON.stringify(toProblem(new Error("secret")))).not.toContain("secret");
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });
});
