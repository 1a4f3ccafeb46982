// What callers may do with schedules: make, change, remove, pause, trigger, run the past, and ask.
import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { MAX_WAITING, nextFires } from "../../shared/schedule-decide.ts";
import {
  freshState,
  type RunId,
  type Schedule,
  type ScheduleState,
} from "../../shared/schedule-state.ts";
import { createTiming } from "../../shared/schedule-timing.ts";
import { besideName, plainName, scopedName } from "../../shared/scoped-name.ts";
import { overlapOf, type ScheduleSpec } from "../../shared/schedule.ts";
import { insist, requireExpected, type Expected } from "../expected.ts";
import type { Runs } from "./runs.ts";
import { EVERY, type ScheduleShelves, type ScheduleStores } from "./shelves.ts";
import { KIND } from "./tellings.ts";
import type { Timings } from "./timings.ts";

export type ScheduleDesk = ReturnType<typeof createScheduleDesk>;

/** A schedule as it stands, and how far it has come. */
export type Standing = { entry: Revised<Schedule>; state: ScheduleState };

export function createScheduleDesk(deps: {
  stores: ScheduleStores;
  shelves: ScheduleShelves;
  timings: Timings;
  runs: Runs;
  happenings: Happenings;
  clock: Clock;
  hasDefinition(name: string): Promise<boolean>;
}) {
  const { stores, shelves, timings, runs, happenings, clock, hasDefinition } = deps;

  async function find(name: string): Promise<Revised<Schedule>> {
    const entry = await stores.schedules.read(name);
    if (entry !== undefined) return entry;
    throw new MillraceError("schedule_not_found", `There is no schedule ${plainName(name)}.`);
  }

  function tell(name: string, what: string, actor: string, detail?: Record<string, unknown>) {
    const happening = { v: 1, at: clock.now(), kind: KIND, name, what, actor } as const;
    return happenings.tell({ ...happening, ...(detail === undefined ? {} : { detail }) });
  }

  async function stateOf(entry: Revised<Schedule>): Promise<Revised<ScheduleState>> {
    const stored = await stores.states.read(entry.name);
    if (stored?.value.of === entry.value.createdAt) return stored;
    const revision = stored?.revision ?? 0;
    return { name: entry.name, value: freshState(entry.value), revision };
  }

  /** Changes the schedule until nobody interferes. */
  async function change(
    name: string,
    next: (schedule: Schedule) => Schedule,
  ): Promise<Revised<Schedule>> {
    return insist(async () => {
      const entry = await find(name);
      const value = next(entry.value);
      if (value === entry.value) return entry;
      return { name, value, revision: await stores.schedules.put(name, value, entry.revision) };
    });
  }

  /** A schedule that would never fire is refused; so is one without its calendar or definition. */
  async function requireFires(name: string, spec: ScheduleSpec, madeAt: number): Promise<void> {
    const { definition } = spec;
    if (definition !== undefined && !(await hasDefinition(besideName(name, definition))))
      throw missing("definition", definition);
    const calendar =
      spec.calendar === undefined
        ? undefined
        : await stores.calendars.read(besideName(name, spec.calendar));
    if (spec.calendar !== undefined && calendar === undefined)
      throw missing("calendar", spec.calendar);
    const timing = createTiming(name, spec, madeAt, calendar?.value);
    if (timing.nextOpen(clock.now()) !== undefined) return;
    const field = (["cron", "every", "at"] as const).find((one) => spec[one] !== undefined);
    throw new MillraceError("invalid_spec", `${field}: it would never fire from now on.`, {
      field: field ?? "cron",
    });
  }

  return {
    /** By name. */
    list: (): Standing[] =>
      shelves.schedules.entries().map((entry) => {
        const state = shelves.states.get(entry.name)?.value;
        const isOwn = state?.of === entry.value.createdAt;
        return { entry, state: isOwn ? state : freshState(entry.value) };
      }),

    async get(name: string): Promise<Standing> {
      const entry = await find(name);
      return { entry, state: (await stateOf(entry)).value };
    },

    /** Stores the schedule. Throws `invalid_spec`, `precondition_failed`. Asked for what stands there already it changes nothing. */
    async put(
      name: string,
      spec: ScheduleSpec,
      expected: Expected,
      actor: string,
    ): Promise<{ entry: Revised<Schedule>; created: boolean }> {
      return insist(async () => {
        const before = await stores.schedules.read(name);
        requireExpected(`schedule ${plainName(name)}`, before, expected);
        if (before !== undefined && sameSpec(before.value.spec, spec))
          return { entry: before, created: false };
        const now = clock.now();
        await requireFires(name, spec, before?.value.createdAt ?? now);
        const value = scheduleOf(spec, before?.value, now);
        const revision = await stores.schedules.put(name, value, before?.revision ?? 0);
        await tell(name, before === undefined ? "created" : "changed", actor);
        return { entry: { name, value, revision }, created: before === undefined };
      });
    },

    async remove(name: string, expected: Expected, actor: string): Promise<void> {
      await insist(async () => {
        const entry = await find(name);
        requireExpected(`schedule ${plainName(name)}`, entry, expected);
        await stores.schedules.remove(name, entry.revision);
        await tell(name, "deleted", actor);
      });
    },

    async pause(name: string, actor: string): Promise<Revised<Schedule>> {
      const from = clock.now();
      const entry = await change(name, (schedule) =>
        isPaused(schedule) ? schedule : { ...schedule, pause: { from, actor } },
      );
      if (entry.value.pause?.from === from) await tell(name, "paused", actor);
      return entry;
    },

    async resume(name: string, actor: string): Promise<Revised<Schedule>> {
      const to = clock.now();
      const entry = await change(name, (schedule) =>
        isPaused(schedule) && schedule.pause !== undefined
          ? { ...schedule, pause: { ...schedule.pause, to } }
          : schedule,
      );
      if (entry.value.pause?.to === to) await tell(name, "resumed", actor);
      return entry;
    },

    /** Pauses or resumes all schedules of a namespace, or all there are; also those that are still to come. */
    async pauseEvery(paused: boolean, actor: string, namespace?: string): Promise<void> {
      const every = scopedName(EVERY, namespace);
      await insist(async () => {
        const entry = await stores.pauses.read(every);
        const pause = entry?.value.pause;
        const isOff = pause !== undefined && pause.to === undefined;
        if (isOff === paused) return;
        const at = clock.now();
        const next = isOff ? { ...pause, to: at } : { from: at, actor };
        await stores.pauses.put(every, { v: 1, pause: next }, entry?.revision ?? 0);
        await tell(every, paused ? "paused" : "resumed", actor, { all: true });
      });
    },

    /** Who paused all schedules of a namespace, or all there are, and since when; undefined while they are not. */
    async everyPause(namespace?: string) {
      const pause = (await stores.pauses.read(scopedName(EVERY, namespace)))?.value.pause;
      return pause?.to === undefined ? pause : undefined;
    },

    /** Starts a run now, whatever pause and overlap say, or finds the job that stands for its unique key; instants that are due later see it as the run before them. */
    async trigger(name: string, actor: string): Promise<{ run: RunId; at: number }> {
      const entry = await find(name);
      const at = clock.now();
      const id = runs.idOf(name, entry.value, at);
      const run = (await runs.start({ id, name, schedule: entry.value, at })) ?? id;
      await insist(async () => {
        const { value, revision } = await stateOf(entry);
        await stores.states.put(name, withTriggered(entry.value, value, run, at), revision);
      });
      await tell(name, "triggered", actor, { run });
      return { run, at };
    },

    /** Has every open instant from `from` to `to` run that has no run yet; resolves to how many these are. */
    async backfill(name: string, from: number, to: number, actor: string): Promise<number> {
      const entry = await find(name);
      const instants = nextFires(timings(entry), from - 1, MAX_WAITING + 1).filter(
        (at) => at <= to,
      );
      if (instants.length > MAX_WAITING)
        throw new MillraceError(
          "invalid_spec",
          `to: the range has more than ${MAX_WAITING} instants; ask for less at a time.`,
          { field: "to" },
        );
      await insist(async () => {
        const { value, revision } = await stateOf(entry);
        const backlog = [...new Set([...value.backlog, ...instants])].toSorted((a, b) => a - b);
        if (backlog.length > MAX_WAITING)
          throw new MillraceError(
            "invalid_spec",
            `to: ${value.backlog.length} instants wait already; ${MAX_WAITING} may.`,
            { field: "to" },
          );
        await stores.states.put(name, { ...value, backlog }, revision);
      });
      const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      await tell(name, "backfilled", actor, { ...range, instants: instants.length });
      return instants.length;
    },

    /** When a definition is run next by any schedule; undefined when by none. */
    nextRunAt(definition: string): number | undefined {
      const instants = shelves.schedules
        .entries()
        .filter(({ name, value }) => {
          const started = value.spec.definition;
          if (started === undefined || isPaused(value)) return false;
          return besideName(name, started) === definition;
        })
        .flatMap((entry) => nextFires(timings(entry), clock.now(), 1));
      return instants.length === 0 ? undefined : Math.min(...instants);
    },

    next: (entry: Revised<Schedule>, count: number): number[] =>
      nextFires(timings(entry), clock.now(), count),

    events: (name: string, after: number, limit: number) =>
      happenings.read(KIND, name, { after, limit }),
  };
}

const isPaused = ({ pause }: Schedule): boolean => pause !== undefined && pause.to === undefined;

const missing = (field: "calendar" | "definition", name: string): MillraceError =>
  new MillraceError("invalid_spec", `${field}: there is no ${field} ${name}; make it first.`, {
    field,
  });

/** Fields that say when. */
const WHEN = ["cron", "every", "anchor", "at", "zone", "calendar", "onClosed", "jitter"] as const;

function scheduleOf(spec: ScheduleSpec, before: Schedule | undefined, now: number): Schedule {
  if (before === undefined) return { v: 1, spec, createdAt: now, updatedAt: now, since: now };
  const sameTimes = WHEN.every((field) => before.spec[field] === spec[field]);
  return { ...before, spec, updatedAt: now, since: sameTimes ? before.since : now };
}

const sameSpec = (a: ScheduleSpec, b: ScheduleSpec): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

function withTriggered(
  { spec }: Schedule,
  state: ScheduleState,
  run: RunId,
  at: number,
): ScheduleState {
  const counts = state.generator?.counts ?? { runs: 0, failed: 0, submitted: 0, known: 0 };
  const open = [...(state.generator?.open ?? []), run];
  return {
    ...state,
    active: overlapOf(spec) === "allow" ? state.active : [...state.active, run],
    last: { at, decidedAt: at, run },
    ...(spec.generator === undefined ? {} : { generator: { ...state.generator, counts, open } }),
  };
}
