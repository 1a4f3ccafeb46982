// When a schedule is due: its rule, its zone, its calendar and its jitter as one question.
import { createHash } from "node:crypto";

import { createOpenDays, type Calendar, type OpenDays } from "./calendar.ts";
import { durationMs } from "./durations.ts";
import { SCHEDULE_DEFAULTS, type ScheduleSpec } from "./schedule.ts";
import { createCron, createCronDays, cronFields, nextOf } from "./schedule-cron.ts";
import { createZone, dateOf, noonOf, type DayNumber, type Zone } from "./schedule-zone.ts";

/** An instant of a schedule. On a closed day it does not fire, and `closed` says why. */
export type Occurrence = { at: number; closed?: string };

export type Timing = {
  /** The first instant after another one. */
  next(after: number): Occurrence | undefined;
  /** The first instant after another one that is on an open day. */
  nextOpen(after: number): number | undefined;
  /** When the instant is to be acted on: jitter later. */
  dueAt(at: number): number;
};

/** How many closed days are passed over before it is believed that no other comes. */
const MAX_CLOSED_DAYS = 1_500;
const HOUR_MS = 3_600_000;

/** `calendar` is the one that the spec names; absent when there is none of that name: then no day is open. `madeAt` anchors an interval. */
export function createTiming(
  name: string,
  spec: ScheduleSpec,
  madeAt: number,
  calendar: Calendar | undefined,
): Timing {
  const dueAt = jitterOf(name, spec);
  const { next, nextOpen } = instantsOf(spec, madeAt, calendar);
  return {
    next: remembered(next, ({ at }) => at),
    nextOpen: remembered(nextOpen, (at) => at),
    dueAt,
  };
}

type Instants = Omit<Timing, "dueAt">;
type Rule = (after: number) => number | undefined;

function instantsOf(spec: ScheduleSpec, madeAt: number, calendar: Calendar | undefined): Instants {
  if (spec.calendar === undefined) {
    const rule = ruleOf(spec, madeAt);
    return { next: (after) => occurrence(rule(after)), nextOpen: rule };
  }
  if (calendar === undefined) return neverOpen(spec, madeAt);
  const days = businessDays(spec, createOpenDays(calendar));
  return spec.onClosed === "shift" ? shifting(spec, days) : leavingOut(spec, madeAt, days);
}

/** Asked again from between its question and its answer, it answers the same without looking. */
function remembered<T>(
  find: (after: number) => T | undefined,
  instantOf: (found: T) => number,
): (after: number) => T | undefined {
  let known: { after: number; until: number; found: T | undefined } | undefined;
  return (after) => {
    if (known !== undefined && after >= known.after && after < known.until) return known.found;
    const found = find(after);
    known = { after, until: found === undefined ? Infinity : instantOf(found), found };
    return found;
  };
}

const occurrence = (at: number | undefined): Occurrence | undefined =>
  at === undefined ? undefined : { at };

function ruleOf(spec: ScheduleSpec, madeAt: number): Rule {
  if (spec.cron !== undefined) {
    const cron = createCron(cronFields(spec.cron).fields, zoneOf(spec));
    return (after) => nextOf(cron, after);
  }
  if (spec.every !== undefined) {
    const every = durationMs(spec.every);
    const anchor = spec.anchor === undefined ? madeAt : Date.parse(spec.anchor);
    return (after) => anchor + Math.max(0, Math.floor((after - anchor) / every) + 1) * every;
  }
  const only = Date.parse(spec.at ?? "");
  return (after) => (only > after ? only : undefined);
}

const zoneOf = (spec: ScheduleSpec): string => spec.zone ?? SCHEDULE_DEFAULTS.zone;

/** The same delay for the same instant, whoever asks. */
function jitterOf(name: string, { jitter }: ScheduleSpec): (at: number) => number {
  const most = jitter === undefined ? 0 : durationMs(jitter);
  if (most === 0) return (at) => at;
  return (at) => {
    const hash = createHash("sha256").update(`${name}\n${at}`).digest();
    return at + Math.floor((hash.readUInt32BE() / 2 ** 32) * most);
  };
}

function neverOpen(spec: ScheduleSpec, madeAt: number): Instants {
  const rule = ruleOf(spec, madeAt);
  const closed = `There is no calendar ${spec.calendar}.`;
  return {
    next(after) {
      const at = rule(after);
      return at === undefined ? undefined : { at, closed };
    },
    nextOpen: () => undefined,
  };
}

type BusinessDays = {
  zone: Zone;
  dayStartS: number;
  isClosed(day: DayNumber): boolean;
  /** The day that an instant belongs to, by the calendar's start of a day. */
  dayAt(at: number): DayNumber;
  /** The instant at which the next day begins. */
  nextDay(after: number): number;
};

function businessDays(spec: ScheduleSpec, { dayStartS, isClosed }: OpenDays): BusinessDays {
  const zone = createZone(zoneOf(spec));
  const minute = String((dayStartS / 60) % 60);
  const hour = String(Math.floor(dayStartS / 3_600));
  const starts = createCron(["0", minute, hour, "*", "*", "*"], zoneOf(spec));
  return {
    zone,
    dayStartS,
    isClosed,
    dayAt(at) {
      const { day, secondOfDay } = zone(at);
      return secondOfDay < dayStartS ? day - 1 : day;
    },
    nextDay: (after) => nextOf(starts, after) ?? Infinity,
  };
}

/** Instants on closed days are left out. */
function leavingOut(spec: ScheduleSpec, madeAt: number, days: BusinessDays): Instants {
  const rule = ruleOf(spec, madeAt);

  function next(after: number): Occurrence | undefined {
    const at = rule(after);
    if (at === undefined) return undefined;
    const day = days.dayAt(at);
    if (!days.isClosed(day)) return { at };
    return { at, closed: `${dateOf(day)} is closed by the calendar ${spec.calendar}.` };
  }

  return {
    next,
    nextOpen(after) {
      let from = after;
      for (let passed = 0; passed < MAX_CLOSED_DAYS; passed += 1) {
        const found = next(from);
        if (found?.closed === undefined) return found?.at;
        from = days.nextDay(found.at) - 1;
      }
      return undefined;
    },
  };
}

/** What falls on closed days happens at the same time of the next open day instead, once. */
function shifting(spec: ScheduleSpec, days: BusinessDays): Instants {
  const { times, names } =
    spec.cron === undefined ? oneDay(spec, days) : daysOfCron(spec, spec.cron);
  const midnights = createCron(["0", "0", "0", "*", "*", "*"], zoneOf(spec));

  /** An open day has its own times and those of the closed days right before it. Early: before the day's start by the calendar. */
  function isNamed(day: DayNumber, early: boolean): boolean {
    const own = early ? day - 1 : day;
    if (days.isClosed(own)) return false;
    for (let back = 0; back < MAX_CLOSED_DAYS; back += 1) {
      if (names(day - back)) return true;
      if (!days.isClosed(own - back - 1)) return false;
    }
    return false;
  }

  /** The first day after another one that has any times. */
  function namedDay(after: DayNumber): DayNumber | undefined {
    for (let day = after + 1; day <= after + MAX_CLOSED_DAYS; day += 1)
      if (isNamed(day, false) || (days.dayStartS > 0 && isNamed(day, true))) return day;
    return undefined;
  }

  function midnightOf(day: DayNumber): number {
    let at = nextOf(midnights, noonOf(day).getTime() - 28 * HOUR_MS) ?? Infinity;
    while (at < Infinity && days.zone(at).day < day) at = nextOf(midnights, at) ?? Infinity;
    return at;
  }

  function nextOpen(after: number): number | undefined {
    let at = nextOf(times, after);
    while (at !== undefined) {
      const { day, secondOfDay } = days.zone(at);
      const early = secondOfDay < days.dayStartS;
      if (isNamed(day, early)) return at;
      if (early && isNamed(day, false)) at = nextOf(times, days.nextDay(at) - 1);
      else {
        const named = namedDay(day);
        at = named === undefined ? undefined : nextOf(times, midnightOf(named) - 1);
      }
    }
    return undefined;
  }

  return { next: (after) => occurrence(nextOpen(after)), nextOpen };
}

type Days = { times: ReturnType<typeof createCron>; names(day: DayNumber): boolean };

function daysOfCron(spec: ScheduleSpec, text: string): Days {
  const { fields } = cronFields(text);
  const times = createCron([...fields.slice(0, 3), "*", "*", "*"], zoneOf(spec));
  return { times, names: createCronDays(fields) };
}

function oneDay(spec: ScheduleSpec, { zone }: BusinessDays): Days {
  const { day: only, secondOfDay } = zone(Date.parse(spec.at ?? ""));
  const fields = [
    secondOfDay % 60,
    Math.floor(secondOfDay / 60) % 60,
    Math.floor(secondOfDay / 3_600),
  ];
  const times = createCron([...fields.map(String), "*", "*", "*"], zoneOf(spec));
  return { times, names: (day) => day === only };
}
