// What a schedule does with instants that cannot start at once: they wait for room, are met by another job, or fail.
import { describe, expect, it } from "vitest";

import type { HarvestRun } from "../../../../src/scheduler/schedules/generator.ts";
import { createLine } from "../../../../src/scheduler/schedules/line.ts";
import type { Runs } from "../../../../src/scheduler/schedules/runs.ts";
import { createTimings } from "../../../../src/scheduler/schedules/timings.ts";
import type { Shelf } from "../../../../src/scheduler/config-book.ts";
import { MillraceError } from "../../../../src/shared/errors.ts";
import type { Happening } from "../../../../src/shared/happening.ts";
import type { Revised } from "../../../../src/shared/io/config-store.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import type { Schedule, ScheduleState } from "../../../../src/shared/schedule-state.ts";
import type { ScheduleSpec } from "../../../../src/shared/schedule.ts";

const MINUTE = 60_000;
const full = new MillraceError("queue_full", "Queue default has 5 jobs that wait, of at most 5.");

const shelf = <T>(get: () => Revised<T> | undefined): Shelf<T> => ({
  get,
  entries: () => [get() ?? []].flat(),
  watch: () => ({ [Symbol.dispose]: () => undefined }),
});
const empty = shelf<never>(() => undefined);

/** One schedule that fires each minute from 0 on, and whoever attends to it. */
function stage(start: Runs["start"], more: Partial<ScheduleSpec> = {}, harvest?: HarvestRun) {
  const spec: ScheduleSpec = { every: "1m", spec: { command: ["true"] }, ...more };
  const schedule: Schedule = { v: 1, spec, createdAt: 0, updatedAt: 0, since: 0 };
  let now = 0;
  let state: Revised<ScheduleState> | undefined;
  const told: { seq: number; happening: Happening }[] = [];
  const shelves = {
    schedules: shelf<Schedule>(() => ({ name: "tick", value: schedule, revision: 1 })),
    states: shelf<ScheduleState>(() => state),
    calendars: empty,
    pauses: empty,
  };
  const make = () =>
    createLine("tick", {
      shelves,
      stores: {
        states: {
          read: async () => state,
          async put(name, value, expected) {
            if ((state?.revision ?? 0) !== expected) throw new MillraceError("lost_race", "late");
            state = { name, value, revision: (state?.revision ?? 0) + 1 };
            return state.revision;
          },
          remove: async () => undefined,
        },
      },
      runs: {
        idOf: (_name, _schedule, at) => `run-${at / MINUTE}`,
        start,
        createJob: async () => undefined,
        isActive: async () => false,
        cancel: async () => undefined,
      },
      harvest: harvest ?? (async () => undefined),
      happenings: {
        tell: async (happening) => told.push({ seq: told.length + 1, happening }),
        read: async (_kind, _name, { after }) => told.filter(({ seq }) => seq > after),
      },
      timings: createTimings(shelves),
      clock: { now: () => now, mono: () => now },
      log: silentLog,
    });
  let line = make();
  return {
    /** Attends at an instant; resolves to when it wants to look again, in ms from then. */
    async at(instant: number): Promise<number | undefined> {
      now = instant;
      const next = await line.attend(new AbortController().signal);
      return next === undefined ? undefined : next - now;
    },
    dies: () => void (line = make()),
    told: () => told.map(({ happening: { what, detail } }) => [what, detail?.["instant"]]),
    reasons: () => told.map(({ happening }) => happening.reason),
    state: () => state?.value,
  };
}

const minute = (count: number): string => new Date(count * MINUTE).toISOString();

describe("an instant that finds no room", () => {
  it("is tried again until there is some, also by the next leader", async () => {
    let isFull = true;
    const started: string[] = [];
    const schedule = stage(async ({ id }) => {
      if (isFull) throw full;
      started.push(id);
      return undefined;
    });
    expect(await schedule.at(MINUTE)).toBe(1_000);
    schedule.dies();
    expect(await schedule.at(MINUTE + 1_000)).toBe(1_000);
    expect(schedule.told()).toEqual([]);
    isFull = false;
    await schedule.at(MINUTE + 2_000);
    expect(started).toEqual(["run-1"]);
    expect(schedule.told()).toEqual([["fired", minute(1)]]);
  });

  it("has failed when nothing could start it for as long as a missed one would be made good", async () => {
    const schedule = stage(
      async () => {
        throw full;
      },
      { misfire: { policy: "skip" } },
    );
    await schedule.at(MINUTE);
    await schedule.at(MINUTE + 29_000);
    expect(schedule.told()).toEqual([]);
    await schedule.at(MINUTE + 30_000);
    expect(schedule.told()).toEqual([["failed", minute(1)]]);
    expect(schedule.state()?.counts).toEqual({ fired: 0, skipped: 0, failed: 1 });
  });
});

it("skips an instant whose work another job does already, and says which", async () => {
  const schedule = stage(async () => "other");
  await schedule.at(MINUTE);
  expect(schedule.told()).toEqual([["skipped", minute(1)]]);
  expect(schedule.reasons()).toEqual(["Job other stands for its unique key."]);
  expect(schedule.state()).toMatchObject({
    counts: { fired: 0, skipped: 1, failed: 0 },
    active: [],
  });
});

it("keeps a generator's jobs until there is room for them, and fires on", async () => {
  let isFull = true;
  const schedule = stage(
    async () => undefined,
    { generator: { handler: "fan" }, spec: undefined, overlap: "allow" },
    async (run) => {
      if (isFull) throw full;
      return { run, at: 0, submitted: 3, known: 0 };
    },
  );
  expect(await schedule.at(MINUTE)).toBe(1_000);
  expect(await schedule.at(2 * MINUTE)).toBe(1_000);
  expect(schedule.state()?.generator?.open).toEqual(["run-1", "run-2"]);
  isFull = false;
  await schedule.at(2 * MINUTE + 1_000);
  expect(schedule.state()?.generator).toMatchObject({ open: [], counts: { submitted: 6 } });
});
