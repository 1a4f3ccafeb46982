// What a schedule does about runs that are still on, pauses, missed instants and its own jitter.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { scheduleSpecSchema } from "../../../src/shared/schedule.ts";
import { AT_ONCE, decide, MAX_WAITING } from "../../../src/shared/schedule-decide.ts";
import { freshState } from "../../../src/shared/schedule-state.ts";
import { createTiming } from "../../../src/shared/schedule-timing.ts";
import { at, iso, parseSchedule, play } from "./schedule-play.ts";

const HOUR = { from: "2026-06-01T00:00:00Z", to: "2026-06-01T01:00:00Z" };
const minutely = { every: "1m", anchor: "2026-06-01T00:00:00Z" };

describe("a run that is still on", () => {
  const runMs = 150_000; // two and a half minutes

  it("is joined by others under allow", () => {
    const { fired, skipped } = play({ spec: { ...minutely, overlap: "allow" }, runMs, ...HOUR });
    expect([fired.length, skipped]).toEqual([60, []]);
  });

  it("has instants skipped, with the reason", () => {
    const { fired, skipped } = play({ spec: minutely, runMs, ...HOUR });
    expect(fired.map(iso).slice(0, 3)).toEqual([
      "2026-06-01T00:01:00.000Z",
      "2026-06-01T00:04:00.000Z",
      "2026-06-01T00:07:00.000Z",
    ]);
    expect(fired.length + skipped.length).toBe(60);
    expect(skipped[0]!.reason).toBe("The run before it is still on.");
  });

  it("has instants wait under queue: one run after the other, none left out", () => {
    const played = play({ spec: { ...minutely, overlap: "queue" }, runMs, ...HOUR });
    const starts = [...played.startedAt.values()];
    expect(played.skipped).toEqual([]);
    expect(played.fired.length + played.state.waiting.length).toBe(60);
    const pauses = starts.slice(1).map((start, i) => start - starts[i]!);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(runMs);
  });

  it("has only the newest instant wait under replace", () => {
    const { fired, skipped, state } = play({
      spec: { ...minutely, overlap: "replace" },
      runMs,
      ...HOUR,
    });
    expect(fired.length + skipped.length + state.waiting.length).toBe(60);
    expect(skipped.every(({ reason }) => reason === "A newer instant replaced it.")).toBe(true);
  });

  it("has no more instants wait than there is room for", () => {
    const spec = { every: "1s", anchor: "2026-06-01T00:00:00Z", overlap: "queue" };
    const { state, skipped } = play({ spec, runMs: 7_200_000, ...HOUR });
    expect(state.waiting).toHaveLength(MAX_WAITING);
    expect(skipped.at(-1)!.reason).toMatch(/^1000 instants wait already/);
  });
});

describe("a pause", () => {
  const pause = { from: at("2026-06-01T00:10:00Z"), to: at("2026-06-01T00:20:00Z"), actor: "ann" };
  const off = [{ pause, reason: "ann paused the schedule." }];

  it("has what falls into it skipped, and only that", () => {
    const { fired, skipped } = play({ spec: minutely, off, ...HOUR });
    const count = skipped.reduce((sum, one) => sum + (one.count ?? 0), 0);
    expect([fired.length, count]).toEqual([50, 10]);
    expect(iso(skipped[0]!.at)).toBe("2026-06-01T00:10:00.000Z");
    expect(new Set(skipped.map(({ reason }) => reason))).toEqual(
      new Set(["ann paused the schedule."]),
    );
  });

  it("is looked at once a minute at most, however often the schedule fires", () => {
    const { to: _for, ...lasting } = pause;
    const forEver = [{ pause: lasting, reason: "ann paused the schedule." }];
    const { looks, fired } = play({
      spec: { every: "1s", anchor: "2026-06-01T00:00:00Z", overlap: "allow" },
      off: forEver,
      ...HOUR,
    });
    expect(fired).toHaveLength(599);
    expect(looks).toBeLessThan(599 + 52);
  });
});

describe("what was missed for long", () => {
  it("is not counted to its end, and costs no more than a few looks", () => {
    const spec = { every: "1s", anchor: "2026-01-01T00:00:00Z", misfire: { policy: "skip" } };
    const { skipped, looks } = play({
      spec,
      from: "2026-01-01T00:00:00Z",
      to: "2026-06-01T00:00:05Z",
      outages: [["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"]],
    });
    expect(looks).toBeLessThan(20);
    expect(skipped[0]).toMatchObject({ count: AT_ONCE, atLeast: true });
    expect(skipped[0]!.reason).toBe("It was missed: no scheduler led when it was due.");
  });
});

describe("jitter", () => {
  const spec = { ...minutely, jitter: "40s", overlap: "allow" };

  it("delays each instant by as much, whoever asks, and no longer than it may", () => {
    const one = play({ spec, ...HOUR });
    const other = play({ spec, ...HOUR });
    expect([...one.startedAt]).toEqual([...other.startedAt]);
    const delays = [...one.startedAt].map(([instant, start]) => start - instant);
    expect(Math.max(...delays)).toBeLessThan(40_000);
    expect(new Set(delays).size).toBeGreaterThan(30);
  });

  it("does not change which instants there are", () => {
    const { fired } = play({ spec, ...HOUR });
    expect(fired.every((instant) => instant % 60_000 === 0)).toBe(true);
  });
});

describe("the backlog", () => {
  it("is fired in order, as the overlap rule lets it", () => {
    const schedule = parseSchedule({ cron: "@yearly" }, at("2026-06-01T00:00:00Z"));
    const backlog = [1_000, 2_000, 3_000];
    const moment = {
      schedule,
      state: { ...freshState(schedule), backlog },
      timing: createTiming("s", schedule.spec, schedule.createdAt, undefined),
      now: at("2026-06-02T00:00:00Z"),
      off: [],
      runOf: String,
    };
    const first = decide({ ...moment, active: [] }).state!;
    expect(first.decided.map(({ what, at: instant }) => [what, instant])).toEqual([
      ["fired", 1_000],
    ]);
    expect(first.backlog).toEqual([2_000, 3_000]);
    expect(decide({ ...moment, state: first, active: ["1000"] }).state).toBeUndefined();
    const allowed = { ...schedule, spec: { ...schedule.spec, overlap: "allow" as const } };
    expect(decide({ ...moment, schedule: allowed, active: [] }).state!.decided).toHaveLength(3);
  });
});

describe("whatever the outages", () => {
  it("each instant is fired once or recorded as skipped, and never both", () => {
    const policies = fc.constantFrom("skip", "once", "all");
    const overlaps = fc.constantFrom("allow", "skip", "queue");
    const stretch = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 90 }));
    fc.assert(
      fc.property(
        policies,
        overlaps,
        fc.array(stretch, { maxLength: 4 }),
        (policy, overlap, gaps) => {
          const begin = at("2026-06-01T00:00:00Z");
          const { fired, skipped, state } = play({
            spec: { ...minutely, overlap, misfire: { policy, window: "30m" } },
            from: iso(begin),
            to: iso(begin + 300 * 60_000),
            outages: gaps.map(([from, minutes]) => [
              iso(begin + from * 60_000 + 500),
              iso(begin + (from + minutes) * 60_000 + 500),
            ]),
            runMs: 70_000,
          });
          const skips = skipped.reduce((sum, { count = 1 }) => sum + count, 0);
          expect(new Set(fired).size).toBe(fired.length);
          expect(fired.length + skips + state.waiting.length).toBe(300);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("what cannot be a schedule", () => {
  const whole = { cron: "@daily", spec: { command: ["true"] } };
  it.each<[string, object]>([
    ["cron", { ...whole, cron: "* * * *" }],
    ["cron", { ...whole, cron: "61 * * * *" }],
    ["cron", { ...whole, cron: "? * * * *" }],
    ["cron", { ...whole, cron: "@reboot" }],
    ["cron", { ...whole, cron: "2026-06-01T00:00:00Z" }],
    ["cron", { ...whole, cron: "0 0 * * * * 2030" }],
    ["zone", { ...whole, zone: "Mars/Olympus" }],
    ["zone", { ...whole, zone: "+02:00" }],
    ["every", { spec: { command: ["true"] }, every: "10ms" }],
    ["every", { ...whole, every: "1h" }],
    ["anchor", { ...whole, anchor: "2026-06-01T00:00:00Z" }],
    ["at", { spec: { command: ["true"] }, at: "tomorrow" }],
    ["jitter", { ...whole, jitter: "2d" }],
    ["onClosed", { ...whole, onClosed: "shift" }],
    ["onClosed", { every: "1h", calendar: "c", onClosed: "shift", spec: { command: ["true"] } }],
    ["calendar", { ...whole, calendar: "a.b" }],
    ["overlap", { ...whole, overlap: "never" }],
    ["misfire", { ...whole, misfire: { policy: "maybe" } }],
    ["misfire", { ...whole, misfire: { window: "1s" } }],
    ["spec", { ...whole, spec: { command: [] } }],
    ["spec", { ...whole, spec: { command: ["true"], runAt: "2027-01-01T00:00:00Z" } }],
    ["spec", { ...whole, definition: "nightly" }],
    ["definition", { cron: "@daily" }],
    ["params", { ...whole, params: {} }],
    ["generator", { cron: "@daily", generator: { handler: "*" } }],
  ])("%s: %j", (field, schedule) => {
    const { error } = scheduleSpecSchema.safeParse(schedule);
    expect(error?.issues.map(({ path }) => path[0])).toContain(field);
  });
});
