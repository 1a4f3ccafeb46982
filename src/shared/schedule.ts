// Schedules as asked for: when to fire, what to run then, and what to do about days off, overlaps and missed instants.
import { z } from "zod";

import { durationMs } from "./durations.ts";
import { anyJson, date, duration, name, text } from "./fields.ts";
import { cronFields } from "./schedule-cron.ts";
import { MISFIRES, OVERLAPS, type Misfire, type Overlap } from "./schedule-policies.ts";
import { isZone } from "./schedule-zone.ts";
import { reservationFlaws } from "./reservation.ts";
import { jobSpecSchema, type JobSpec } from "./spec.ts";

const ON_CLOSED = ["skip", "shift"] as const;

const generator = z.strictObject({
  handler: name.describe("A function that returns a list of job specs."),
  input: anyJson.optional().describe("What the function gets."),
  queue: name.optional(),
  timeout: duration({ minMs: 1 }).optional(),
});

const fields = z.strictObject({
  description: text(1_024).optional(),

  cron: text(256)
    .optional()
    .describe(
      "Five fields, six with seconds in front, or @hourly, @daily, @weekly, @monthly, @yearly.",
    ),
  every: duration({ minMs: 1_000 }).optional().describe("An interval of at least one second."),
  anchor: date
    .optional()
    .describe("An instant of the interval; default: when the schedule was made."),
  at: date.optional().describe("One instant."),
  zone: z
    .string()
    .refine(isZone, "must be a time zone, as Europe/Berlin")
    .optional()
    .describe("IANA time zone of cron, calendar and days; default UTC."),
  jitter: duration({ maxMs: 86_400_000 })
    .optional()
    .describe("Fires up to this much later, always as much for the same instant."),
  calendar: name.optional().describe("The calendar that says which days are open."),
  onClosed: z
    .enum(ON_CLOSED)
    .optional()
    .describe("On a closed day: skip (default), or shift to the same time of the next open day."),

  definition: name.optional().describe("Run this definition."),
  params: z.record(z.string(), anyJson).optional().describe("Its parameters."),
  spec: jobSpecSchema.optional().describe("Run this job."),
  generator: generator.optional().describe("Run this handler and submit the jobs that it returns."),

  overlap: z
    .enum(OVERLAPS)
    .optional()
    .describe(
      "While the last run is still on: allow another, skip (default), queue, or replace it.",
    ),
  misfire: z
    .strictObject({
      policy: z
        .enum(MISFIRES)
        .optional()
        .describe("What becomes of missed instants: skip, once (default) for the newest, or all."),
      window: duration({ minMs: 60_000 })
        .optional()
        .describe("What was missed by more is skipped; default 1d."),
    })
    .optional(),
});

type Fields = z.infer<typeof fields>;
type Complaint = { path: string[]; message: string };
type Kind = keyof Fields;

const WHEN = ["cron", "every", "at"] as const satisfies Kind[];
const WHAT = ["definition", "spec", "generator"] as const satisfies Kind[];

/** Fields that make sense only beside another. */
const NEEDS: readonly (readonly [Kind, Kind])[] = [
  ["anchor", "every"],
  ["params", "definition"],
  ["onClosed", "calendar"],
];

function contradictions(spec: Fields): Complaint[] {
  const found = [...exactlyOne(spec, WHEN), ...exactlyOne(spec, WHAT)];
  for (const [field, other] of NEEDS)
    if (spec[field] !== undefined && spec[other] === undefined)
      found.push(complaint(field, `goes with ${other} only`));
  if (spec.every !== undefined && spec.onClosed === "shift")
    found.push(complaint("onClosed", "an interval cannot be shifted; use cron or at, or skip"));
  if (spec.spec?.runAt !== undefined)
    found.push({ path: ["spec", "runAt"], message: "the schedule says when; leave it out" });
  for (const { path, message } of reservationFlaws(spec.spec ?? {}))
    found.push({ path: ["spec", ...path], message });
  const flaw = spec.cron === undefined ? undefined : cronFields(spec.cron).flaw;
  if (flaw !== undefined) found.push(complaint("cron", flaw));
  return found;
}

function exactlyOne(spec: Fields, kinds: readonly Kind[]): Complaint[] {
  const given = kinds.filter((kind) => spec[kind] !== undefined);
  if (given.length === 1) return [];
  const [first = "", ...rest] = kinds;
  return [complaint(given[1] ?? first, `give exactly one of ${[first, ...rest].join(", ")}`)];
}

const complaint = (field: string, message: string): Complaint => ({ path: [field], message });

export const scheduleSpecSchema = fields.superRefine((spec, context) => {
  for (const { path, message } of contradictions(spec))
    context.addIssue({ code: "custom", path, message });
});

/** A schedule as asked for. What was left out stays out. */
export type ScheduleSpec = Omit<Fields, "spec"> & { spec?: JobSpec | undefined };

/** What holds when a schedule does not say. */
export const SCHEDULE_DEFAULTS = {
  zone: "UTC",
  overlap: "skip",
  misfire: "once",
  windowMs: 86_400_000,
} as const;

export const overlapOf = ({ overlap }: ScheduleSpec): Overlap =>
  overlap ?? SCHEDULE_DEFAULTS.overlap;

export function misfireOf({ misfire }: ScheduleSpec): { policy: Misfire; windowMs: number } {
  return {
    policy: misfire?.policy ?? SCHEDULE_DEFAULTS.misfire,
    windowMs:
      misfire?.window === undefined ? SCHEDULE_DEFAULTS.windowMs : durationMs(misfire.window),
  };
}
