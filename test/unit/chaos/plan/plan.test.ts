// Plans: the same seed gives the same run, and a long run has everything in it.
import { expect, test } from "vitest";

import { FAULTS } from "../../../chaos/checker/history.ts";
import { planFaults } from "../../../chaos/plan/faults.ts";
import { planJobs } from "../../../chaos/plan/jobs.ts";
import { parseSpec } from "../../../../src/shared/spec.ts";

const jobsOf = (seed: number) => planJobs({ seed, seconds: 60, rate: 20, journal: "/tmp/journal" });
const faultsOf = (seed: number) => planFaults({ seed, seconds: 3_600 });

test("the same seed plans the same, another one something else", () => {
  expect(jobsOf(5)).toEqual(jobsOf(5));
  expect(faultsOf(5)).toEqual(faultsOf(5));
  expect(jobsOf(5)).not.toEqual(jobsOf(6));
  expect(faultsOf(5)).not.toEqual(faultsOf(6));
});

test("every planned job is acceptable, and only one with a key is submitted more than once", () => {
  for (const { spec, key, copies } of jobsOf(7)) {
    expect(parseSpec(spec)).toEqual(spec);
    expect(copies === 1 || key !== undefined).toBe(true);
  }
});

test("a long run meets every fault", () => {
  expect(new Set(faultsOf(8).map(({ fault }) => fault))).toEqual(new Set(FAULTS));
});

test("nothing is planned for after the end", () => {
  expect(jobsOf(9).every(({ atMs }) => atMs <= 60_000)).toBe(true);
  expect(faultsOf(9).every(({ atMs }) => atMs < 3_600_000)).toBe(true);
});
