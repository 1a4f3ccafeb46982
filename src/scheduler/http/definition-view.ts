// Definitions and their runs as callers see them.
import { z } from "@hono/zod-openapi";

import type { Definition } from "../../shared/definition.ts";
import { plainName } from "../../shared/scoped-name.ts";
import type { Entry } from "../definitions/definition-desk.ts";
import { RUN_STATES, type Run, type RunState } from "../definitions/run-index.ts";
import type { Statistics } from "../definitions/statistics.ts";
import { instant, iso } from "./job-view.ts";
import { DEFINITION_REFERENCE } from "./spec-schema.ts";

export const runSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["job", "group"]).describe("Where to look for more: /v1/jobs or /v1/groups."),
    version: z.int().describe("Version of the definition that it was made from."),
    test: z.literal(true).optional(),
    state: z.enum(RUN_STATES),
    submittedAt: instant,
    startedAt: instant.optional(),
    finishedAt: instant.optional(),
    durationMs: z.int().optional(),
    exitCode: z.int().optional(),
    workers: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    schedule: z.object({ name: z.string(), at: instant }).optional(),
    reason: z.string().optional(),
  })
  .openapi("Run");

const endsSchema = {
  succeeded: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  expired: z.int(),
};

const statisticsSchema = z
  .object({
    total: z.int().describe("Runs that can still be read, test runs left out."),
    ...endsSchema,
    averageMs: z.int().optional(),
    p50Ms: z.int().optional().describe("Within 5 %."),
    p95Ms: z.int().optional().describe("Within 5 %."),
    lastDay: z.array(z.object({ hour: instant, ...endsSchema })).describe("Ends per hour."),
  })
  .openapi("RunStatistics");

export const definitionViewSchema = z
  .object({
    name: z.string(),
    version: z.int(),
    revision: z.int().describe("The ETag as a number."),
    updatedAt: instant,
    updatedBy: z.string().optional(),
    definition: z.custom<Definition>().openapi({ type: "object", allOf: [DEFINITION_REFERENCE] }),
    newestRun: runSchema.optional(),
    nextRunAt: instant.optional().describe("When a schedule runs it next."),
  })
  .openapi("DefinitionView");

export const definitionDetailSchema = definitionViewSchema.extend({ statistics: statisticsSchema });

export type DefinitionView = z.infer<typeof definitionViewSchema>;
export type DefinitionDetail = z.infer<typeof definitionDetailSchema>;
export type RunView = z.infer<typeof runSchema>;

export function runView(run: Run, shown: RunState = run.state): RunView {
  const { id, kind, version, test, submittedAt, startedAt, finishedAt, exitCode } = run;
  const ran = startedAt !== undefined && finishedAt !== undefined;
  return {
    id,
    kind,
    version,
    test: test ? true : undefined,
    state: shown,
    submittedAt: iso(submittedAt),
    startedAt: optionalIso(startedAt),
    finishedAt: optionalIso(finishedAt),
    durationMs: ran ? Math.max(0, finishedAt - startedAt) : undefined,
    exitCode,
    workers: [...run.workers],
    labels: { ...run.labels },
    schedule: run.schedule && { name: run.schedule.name, at: iso(run.schedule.at) },
    reason: run.reason,
  };
}

export function definitionView(
  { name, revision, value }: Entry,
  newest: Run | undefined,
  nextRunAt: number | undefined,
): DefinitionView {
  return {
    name: plainName(name),
    version: value.version,
    revision,
    updatedAt: iso(value.updatedAt),
    updatedBy: value.updatedBy,
    definition: value.definition,
    newestRun: newest && runView(newest),
    nextRunAt: optionalIso(nextRunAt),
  };
}

export function statisticsView(
  statistics: Statistics,
  now: number,
): DefinitionDetail["statistics"] {
  return {
    ...statistics.summary(),
    lastDay: statistics.lastDay(now).map(({ hour, ...ends }) => ({ hour: iso(hour), ...ends })),
  };
}

const optionalIso = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : iso(at);
