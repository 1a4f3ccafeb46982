// Cron expressions: which are understood, and which days and instants they name. Parsing and next times are croner's.
import { Cron } from "croner";

import { noonOf, type DayNumber } from "./schedule-zone.ts";

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const FIELD = /^[A-Za-z0-9*,/#+-]+$/;

export type CronFields = {
  /** Six fields, seconds first. */
  fields: readonly string[];
  /** Why it is no cron expression that we understand. */
  flaw?: string;
};

/** Never throws. */
export function cronFields(text: string): CronFields {
  const words = (NICKNAMES[text.trim().toLowerCase()] ?? text).trim().split(/\s+/);
  if (text.trim().startsWith("@") && words.length === 1)
    return { fields: [], flaw: `is none of ${Object.keys(NICKNAMES).join(", ")}` };
  if (words.length !== 5 && words.length !== 6)
    return { fields: [], flaw: "must have five fields, or six with seconds in front" };
  const fields = words.length === 5 ? ["0", ...words] : words;
  const odd = fields.find((field) => !FIELD.test(field));
  if (odd !== undefined) return { fields, flaw: `"${odd}" is no cron field` };
  try {
    createCron(fields, "UTC");
    return { fields };
  } catch (error) {
    return { fields, flaw: (error as Error).message.replace(/^CronPattern: /, "") };
  }
}

/**
 * A time of day that a change of the clocks leaves out fires when the clocks have changed; one that comes twice fires at
 * the first. An expression with * or a step among seconds, minutes and hours follows real time instead: what is left
 * out does not fire, what comes twice fires twice.
 */
export function createCron(fields: readonly string[], zone: string): Cron {
  return new Cron(fields.join(" "), {
    timezone: zone,
    paused: true,
    mode: "6-part",
    fixedTimeRule: "no-wildcard",
  });
}

/** The next instant after another one; undefined when there is none. */
export const nextOf = (cron: Cron, after: number): number | undefined =>
  cron.nextRun(new Date(after))?.getTime();

/** The days that an expression names, whatever the time. */
export function createCronDays(fields: readonly string[]): (day: DayNumber) => boolean {
  const days = createCron(["0", "0", "12", ...fields.slice(3)], "UTC");
  return (day) => days.match(noonOf(day));
}
