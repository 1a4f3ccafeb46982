// Schedules and calendars as the OpenAPI document shows them and as callers see them.
import { z, type OpenAPIHono } from "@hono/zod-openapi";

import { calendarSchema } from "../../shared/calendar.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import { isPaused, type Schedule } from "../../shared/schedule-state.ts";
import { scheduleSpecSchema, type ScheduleSpec } from "../../shared/schedule.ts";
import { plainName } from "../../shared/scoped-name.ts";
import type { Standing } from "../schedules/desk.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";
import { SPEC_REFERENCE } from "./spec-schema.ts";

export const SCHEDULE_REFERENCE = { $ref: "#/components/schemas/ScheduleSpec" } as const;
export const CALENDAR_REFERENCE = { $ref: "#/components/schemas/CalendarSpec" } as const;

/** Adds the components that the references name. */
export function registerSchedules(app: OpenAPIHono<HttpEnv>): void {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(scheduleSpecSchema, { io: "input" });
  app.openAPIRegistry.registerComponent("schemas", "ScheduleSpec", {
    ...schema,
    properties: { ...schema.properties, spec: SPEC_REFERENCE },
  } as { type: "object" });
  const { $schema: _same, ...calendar } = z.toJSONSchema(calendarSchema, { io: "input" });
  app.openAPIRegistry.registerComponent("schemas", "CalendarSpec", calendar as { type: "object" });
}

const runSchema = z.string().describe("Id of the job, or of the group that it became.");

export const pauseSchema = z.object({ since: instant, actor: z.string() });

export const scheduleSchema = z
  .object({
    name: z.string(),
    schedule: z.custom<ScheduleSpec>().openapi({ type: "object", allOf: [SCHEDULE_REFERENCE] }),
    createdAt: instant,
    updatedAt: instant,
    paused: pauseSchema.optional().describe("Absent while it fires."),
    next: instant.optional().describe("Absent when it is paused or will not fire any more."),
    last: z.object({ at: instant, startedAt: instant, run: runSchema }).optional(),
    lastSkip: z.object({ at: instant, reason: z.string() }).optional(),
    lastError: z.object({ at: instant, message: z.string() }).optional(),
    waiting: z.int().describe("Instants that wait for the run before them, or to be backfilled."),
    counts: z
      .object({ fired: z.int(), skipped: z.int(), failed: z.int() })
      .describe("Instants that fired, that did not, and that asked for what cannot be had."),
    generator: z
      .object({
        open: z.int().describe("Runs whose jobs are not submitted yet."),
        runs: z.int(),
        failed: z.int(),
        submitted: z.int().describe("Jobs that were made."),
        known: z.int().describe("Jobs that were there already, under the same unique key."),
        last: z
          .object({
            at: instant,
            run: runSchema,
            submitted: z.int(),
            error: z.string().optional(),
          })
          .optional(),
      })
      .optional(),
  })
  .openapi("Schedule");

export type ScheduleView = z.infer<typeof scheduleSchema>;

export function scheduleView(
  { entry, state }: Standing,
  next: (entry: Revised<Schedule>, count: number) => number[],
): ScheduleView {
  const { name, value } = entry;
  const { last, lastSkip, lastError, waiting, backlog, counts, generator } = state;
  const soonest = isPaused(value.pause) ? undefined : next(entry, 1)[0];
  return {
    name: plainName(name),
    schedule: value.spec,
    createdAt: iso(value.createdAt),
    updatedAt: iso(value.updatedAt),
    ...(value.pause !== undefined && isPaused(value.pause)
      ? { paused: { since: iso(value.pause.from), actor: value.pause.actor } }
      : {}),
    ...(soonest === undefined ? {} : { next: iso(soonest) }),
    ...(last && { last: { at: iso(last.at), startedAt: iso(last.decidedAt), run: last.run } }),
    ...(lastSkip && { lastSkip: { ...lastSkip, at: iso(lastSkip.at) } }),
    ...(lastError && { lastError: { ...lastError, at: iso(lastError.at) } }),
    waiting: waiting.length + backlog.length,
    counts,
    ...(generator && {
      generator: {
        open: generator.open.length,
        ...generator.counts,
        ...(generator.last && { last: { ...generator.last, at: iso(generator.last.at) } }),
      },
    }),
  };
}
