import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { median, percentile, show } from "../../../bench/lib/figures.ts";
import type { Figure, Workload } from "../../../bench/lib/workload.ts";
import { readOptions } from "../../../bench/options.ts";
import { chartOf } from "../../../bench/report/chart.ts";
import { updateReadme } from "../../../bench/report/readme.ts";
import { jsonLine, reportOf, type Report } from "../../../bench/report/report.ts";
import { tableOf } from "../../../bench/report/table.ts";

const figure: Figure = {
  what: "jobs done",
  unit: "jobs/s",
  better: "higher",
  samples: [300, 100, 200],
  floor: { what: "a bare loop", samples: [100, 50, 80] },
  target: { of: "ratio", limit: 2.5 },
  cpuMsPerJob: [0.3, 0.2, 0.4],
};

const workload: Workload = {
  key: "F2",
  title: "Jobs",
  durability: "kept",
  measure: () => Promise.reject(new Error("not here")),
};

function reportWith(...figures: [Figure, ...Figure[]]): Report {
  const row = { workload, figures, seconds: 1, foreignCores: 0.1, loadBefore: 0 };
  return reportOf([row], readOptions([], {}));
}

describe("what a run comes to", () => {
  it("is the median of the rounds, its ratio to the floor's, and whether that is enough", () => {
    expect(reportWith(figure).workloads.F2).toMatchObject({
      value: 200,
      spread: [100, 300],
      floor: 80,
      ratio: 2.5,
      met: true,
      cpuMsPerJob: 0.3,
      durability: "kept",
    });
  });

  it("may have a target for the value itself, and the smaller may be the better", () => {
    const ms: Figure = { ...figure, better: "lower", target: { of: "value", limit: 150 } };
    expect(reportWith(ms).workloads.F2).toMatchObject({ target: 150, met: false });
  });

  it("says nothing of a target when there is nothing to compare with", () => {
    const alone = { ...figure, floor: undefined };
    expect(reportWith(alone).workloads.F2).toMatchObject({ floor: null, ratio: null, met: null });
  });

  it("is one line of JSON keyed by workload", () => {
    const line = jsonLine(reportWith(figure));
    expect(line).not.toContain("\n");
    const { F2 } = JSON.parse(line) as Record<string, object>;
    expect(Object.keys(F2!)).toEqual(
      expect.arrayContaining(
        "value unit floor ratio target better cpuMsPerJob durability".split(" "),
      ),
    );
  });

  it("is a table with a row for each figure", () => {
    const table = tableOf(reportWith(figure, { ...figure, what: "the same again" }));
    expect(table).toContain(
      "| F2 | jobs done | 200 jobs/s | 0.3 | 80, a bare loop | 2.5 | ≥ 2.5× | yes |",
    );
    expect(table).toContain("|  | the same again | 200 jobs/s |");
  });
});

describe("the figures in a readme", () => {
  let dir: string;
  beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "millrace-test-"))));
  afterAll(() => rm(dir, { recursive: true }));

  it("take the place of older ones and leave the rest as it is", async () => {
    const path = join(dir, "README.md");
    const [begin, end] = [
      "<!-- npm run bench -- --readme writes what follows -->",
      "<!-- up to here -->",
    ];
    await writeFile(path, `before\n${begin}\nold\n${end}\nafter\n`);
    await updateReadme(path, reportWith(figure), undefined);
    await updateReadme(path, reportWith(figure), undefined);
    const text = await readFile(path, "utf8");
    expect(text).toMatch(/^before\n/);
    expect(text).toMatch(/\nafter\n$/);
    expect(text).not.toContain("old");
    expect(text.split("| F2 |")).toHaveLength(2);
  });
});

describe("a chart", () => {
  it("has every point, larger values higher up", () => {
    const svg = chartOf({
      name: "growth",
      title: "A < B",
      x: "jobs",
      y: "ms",
      scale: { x: "even", y: "log" },
      lines: [
        {
          name: "one",
          points: [
            [1, 2],
            [1_000, 50],
          ],
        },
      ],
    });
    const heights = [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) =>
      Number(y),
    );
    expect(heights).toHaveLength(2);
    expect(heights[0]).toBeGreaterThan(heights[1]!);
    expect(svg).toContain("A &#60; B");
  });
});

describe("numbers", () => {
  it("have a middle, shares and a form for people", () => {
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.5)).toBe(6);
    expect([show(12_345.6), show(0.123456), show(40)]).toEqual(["12,346", "0.123", "40"]);
  });
});

describe("options", () => {
  it("refuse what cannot be measured", () => {
    expect(() => readOptions(["--only", "F11"], {})).toThrow(/F1, F2/);
    expect(() => readOptions(["--rounds", "0"], {})).toThrow(/--rounds/);
    expect(readOptions(["--quick"], { MILLRACE_PEERS: "/there" })).toMatchObject({
      rounds: 1,
      peers: "/there",
    });
  });
});
