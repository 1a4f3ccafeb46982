// Days and times of day as the people of a time zone have them.

/** A day of the calendar, counted from 1970-01-01, which is 0. */
export type DayNumber = number;

export type LocalTime = { day: DayNumber; secondOfDay: number };

/** Which day and time it is in a zone at an instant. */
export type Zone = (at: number) => LocalTime;

const DAY_MS = 86_400_000;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,3}$/;

/** True for a name of the IANA time zone database that this Node knows. */
export function isZone(name: string): boolean {
  if (name.length > 64 || !ZONE_NAME.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

export function createZone(name: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return {
      day: Date.UTC(year, month - 1, day) / DAY_MS,
      secondOfDay: hour * 3_600 + minute * 60 + second,
    };
  };
}

/** The day that a date such as 2026-12-24 names; undefined when there is no such day. */
export function dayOf(date: string): DayNumber | undefined {
  const at = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : NaN;
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== date) return undefined;
  return at / DAY_MS;
}

/** The day as a date: 2026-12-24. */
export const dateOf = (day: DayNumber): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** 0 is Sunday. */
export const weekdayOf = (day: DayNumber): number => (((day + 4) % 7) + 7) % 7;

/** Noon UTC of the day: an instant that has its date in no doubt. */
export const noonOf = (day: DayNumber): Date => new Date(day * DAY_MS + DAY_MS / 2);
