// The history of runs: whatever comes and goes, the statistics are those of what is there, and pages cover it once.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createRunIndex, type Run } from "../../../../src/scheduler/definitions/run-index.ts";
import { RUN_SORTS, searchRuns } from "../../../../src/scheduler/definitions/search-runs.ts";
import { createStatistics } from "../../../../src/scheduler/definitions/statistics.ts";
import type { GroupRecord } from "../../../../src/shared/group.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import type { JobRecord } from "../../../../src/shared/job.ts";

const HOUR_MS = 3_600_000;

function run(id: string, more: Partial<Run> = {}): Run {
  return {
    id,
    kind: "job",
    version: 1,
    test: false,
    submittedAt: 1_000,
    labels: {},
    state: "succeeded",
    startedAt: 1_000,
    finishedAt: 2_000,
    workers: [],
    ...more,
  };
}

const arbitraryRun = fc.record({
  state: fc.constantFrom<Run["state"]>(
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
  ),
  submittedAt: fc.integer({ min: 0, max: 20 }),
  ms: fc.integer({ min: 0, max: 100_000 }),
  test: fc.boolean(),
});
const arbitraryRuns = fc.array(arbitraryRun, { maxLength: 40 }).map((list) =>
  list.map(({ state, submittedAt, ms, test }, place) =>
    run(`r${String(place).padStart(3, "0")}`, {
      state,
      submittedAt,
      test,
      startedAt: submittedAt,
      finishedAt: state === "queued" || state === "running" ? undefined : submittedAt + ms,
    }),
  ),
);

describe("statistics", () => {
  it("are as if what left had never been", () => {
    fc.assert(
      fc.property(arbitraryRuns, arbitraryRuns, (stay, leave) => {
        const one = createStatistics();
        const other = createStatistics();
        for (const each of [...leave, ...stay]) one.take(each, 1);
        for (const each of leave) one.take(each, -1);
        for (const each of stay) other.take(each, 1);
        expect(one.summary()).toEqual(other.summary());
        expect(one.lastDay(HOUR_MS)).toEqual(other.lastDay(HOUR_MS));
      }),
      { numRuns: 200 },
    );
  });

  it("know percentiles within five percent", () => {
    const statistics = createStatistics();
    for (let ms = 1; ms <= 1_000; ms += 1)
      statistics.take(run(`r${ms}`, { startedAt: 0, finishedAt: ms * 100 }), 1);
    const { p50Ms = 0, p95Ms = 0, averageMs } = statistics.summary();
    expect(Math.abs(p50Ms - 50_000)).toBeLessThan(2_500);
    expect(Math.abs(p95Ms - 95_000)).toBeLessThan(4_750);
    expect(averageMs).toBe(50_050);
  });

  it("count each end in its hour, and no test run", () => {
    const statistics = createStatistics();
    statistics.take(run("a", { finishedAt: 5 * HOUR_MS + 1, state: "failed" }), 1);
    statistics.take(run("b", { finishedAt: 5 * HOUR_MS + 1, test: true }), 1);
    const day = statistics.lastDay(5 * HOUR_MS + 30);
    expect(day).toHaveLength(24);
    expect(day.at(-1)).toEqual({
      hour: 5 * HOUR_MS,
      succeeded: 0,
      failed: 1,
      cancelled: 0,
      expired: 0,
    });
    expect(day.slice(0, -1).every(({ failed }) => failed === 0)).toBe(true);
  });
});

describe("a search", () => {
  it("finds every run once, in order, page by page", () => {
    fc.assert(
      fc.property(
        arbitraryRuns,
        fc.constantFrom(...RUN_SORTS),
        fc.integer({ min: 1, max: 7 }),
        (all, sort, limit) => {
          const found: string[] = [];
          const places: number[] = [];
          for (let after, more = true; more;) {
            const page = searchRuns(all, { sort, limit, after });
            found.push(...page.page.map(({ id }) => id));
            places.push(...page.page.map(({ place }) => place));
            after = page.page.at(-1);
            ({ more } = page);
          }
          expect(found.toSorted()).toEqual(all.map(({ id }) => id));
          expect(places).toEqual(places.toSorted((a, b) => a - b));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("looks at each of 100,000 runs once", () => {
    let looks = 0;
    const many = Array.from({ length: 100_000 }, (_, place): Run => {
      const one = run(`r${place}`, { submittedAt: 100_000 - place });
      return Object.defineProperty({ ...one }, "exitCode", { get: () => ((looks += 1), 0) });
    });
    const { page, more } = searchRuns(many, { sort: "-submitted", limit: 3, exitCode: 0 });
    expect(page.map(({ id }) => id)).toEqual(["r0", "r1", "r2"]);
    expect({ more, looks }).toEqual({ more: true, looks: 100_000 });
  });
});

describe("the index of runs", () => {
  const definition = { name: "d", version: 2 };
  const group = { id: "g".repeat(20), member: "a", index: 0 };

  function job(id: string, more: Partial<JobRecord> = {}): JobRecord {
    return {
      ...newJob(id.padEnd(20, "0"), { command: ["true"] }, 5, { origin: { definition } }),
      ...more,
    };
  }

  it("knows the newest, and the one before when that is gone", () => {
    const index = createRunIndex();
    index.jobChanged(job("a", { submittedAt: 1 }), "queued");
    index.jobChanged(job("b", { submittedAt: 2 }), "running");
    expect(index.newest("d")?.state).toBe("running");
    expect(index.active("d")).toBeDefined();
    index.gone("b".padEnd(20, "0"));
    expect(index.newest("d")?.id[0]).toBe("a");
  });

  it("takes the exit code of a group from the job that failed, whichever is known first", () => {
    const failed = job("c", {
      origin: { definition, group },
      state: "failed",
      attempts: [{ number: 1, worker: "w-00000000", exitCode: 3 }],
    });
    const record: GroupRecord = {
      v: 1,
      id: group.id,
      spec: { members: [] },
      origin: { definition },
      state: "failed",
      submittedAt: 1,
      series: 0,
      members: {},
      timeline: [],
    };
    const early = createRunIndex();
    early.jobChanged(failed, "failed");
    early.groupChanged(record);
    const late = createRunIndex();
    late.groupChanged(record);
    late.jobChanged(failed, "failed");
    for (const index of [early, late])
      expect(index.run("d", group.id)).toMatchObject({ exitCode: 3, workers: ["w-00000000"] });
  });
});
