// Calendars: which days are open. A calendar has no zone of its own; the schedule that uses it says whose days are meant.
import { z } from "zod";

import { text } from "./fields.ts";
import { dateOf, dayOf, weekdayOf, type DayNumber } from "./schedule-zone.ts";
import { decodeStored } from "./stored.ts";

const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
/** A leap year, so that 02-29 is a day. */
const SOME_YEAR = "2024";
const MAX_DATES = 2_000;

const date = z.string().refine((value) => dayOf(value) !== undefined, "must be a date: 2026-12-24");
const holiday = z
  .string()
  .refine(
    (value) => dayOf(value.length === 5 ? `${SOME_YEAR}-${value}` : value) !== undefined,
    "must be a date, 2026-12-24, or one of every year, 12-24",
  );

export const calendarSchema = z
  .strictObject({
    description: text(1_024).optional(),
    weekly: z
      .array(z.enum(WEEKDAYS))
      .max(7)
      .optional()
      .describe("Days of the week that are closed."),
    dates: z
      .array(holiday)
      .max(MAX_DATES)
      .optional()
      .describe("Days that are closed: 2026-12-24, or of every year: 12-24."),
    open: z
      .array(date)
      .max(MAX_DATES)
      .optional()
      .describe("Days that are open whatever the rest says."),
    dayStart: z
      .string()
      .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "must be a time of day: 06:00")
      .optional()
      .describe("When a day begins; what is earlier belongs to the day before. Default 00:00."),
  })
  .superRefine(({ weekly = [], open = [] }, context) => {
    if (new Set(weekly).size === WEEKDAYS.length && open.length === 0)
      context.addIssue({ code: "custom", path: ["weekly"], message: "leaves no day open" });
  });

export type Calendar = z.infer<typeof calendarSchema>;

/** The rules of a calendar, ready to be asked. */
export type OpenDays = {
  /** Seconds after midnight at which a day begins. */
  dayStartS: number;
  isClosed(day: DayNumber): boolean;
};

export function createOpenDays(calendar: Calendar): OpenDays {
  const weekly = new Set((calendar.weekly ?? []).map((day) => WEEKDAYS.indexOf(day)));
  const dates = new Set(calendar.dates);
  const open = new Set(calendar.open);
  const [hours = 0, minutes = 0] = (calendar.dayStart ?? "00:00").split(":").map(Number);
  return {
    dayStartS: hours * 3_600 + minutes * 60,
    isClosed(day) {
      const name = dateOf(day);
      if (open.has(name)) return false;
      return weekly.has(weekdayOf(day)) || dates.has(name) || dates.has(name.slice(5));
    },
  };
}

export const decodeCalendar = (json: string): Calendar | undefined =>
  decodeStored(json, calendarSchema);
