// The report of a run: its figures, and the one line for machines.
import { expect, test } from "vitest";

import type { History } from "../../chaos/checker/history.ts";
import { describe as inWords, jsonLine, reportOn } from "../../chaos/report.ts";
import { cleanHistory } from "./checker/clean-history.ts";
import { PLANTED } from "./checker/planted.ts";

const run = {
  kind: "run",
  at: 0,
  seed: 42,
  seconds: 1,
  rate: 1,
  brokers: 1,
  schedulers: 2,
  workers: 2,
} as const;
const planted = (invariant: keyof typeof PLANTED): History =>
  PLANTED[invariant](structuredClone([...cleanHistory()]));

test("a run in which all went well", () => {
  const line: unknown = JSON.parse(jsonLine(reportOn([run, ...cleanHistory()])));
  expect(line).toMatchObject({
    seed: 42,
    accepted: 5,
    finished: 5,
    lost: 0,
    committedTwice: 0,
    outputErrors: 0,
    orphans: 0,
    violations: [],
    recoveryMs: { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) },
    faults: { kill_worker: 1 },
  });
});

test("what went wrong is counted by what it means", () => {
  expect(reportOn(planted("not_final"))).toMatchObject({ lost: 1, finished: 4 });
  expect(reportOn(planted("committed_twice")).committedTwice).toBeGreaterThan(0);
  expect(reportOn(planted("output_gap"))).toMatchObject({ outputErrors: 1 });
  expect(reportOn(planted("orphan"))).toMatchObject({ orphans: 1 });
});

test("a violation is told with its job, and without the evidence in the line for machines", () => {
  const report = reportOn(planted("orphan"));
  expect(inWords(report)).toContain("VIOLATION orphan plain");
  expect(jsonLine(report)).not.toContain("evidence");
});
