// A job as callers see it: the record, with what the scheduler knows beyond it laid over.
import { z } from "@hono/zod-openapi";

import {
  isFinal,
  JOB_STATES,
  OUTCOMES,
  type Attempt,
  type JobRecord,
  type Origin,
} from "../../shared/job.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../../shared/spec.ts";
import type { JobView as Glimpse } from "../core/board.ts";
import { SPEC_REFERENCE } from "./spec-schema.ts";

export const instant = z
  .string()
  .openapi({ format: "date-time", example: "2027-01-31T08:00:00.000Z" });

const attemptSchema = z
  .object({
    number: z.int().describe("Counted from 1 over the whole life of the job."),
    worker: z.string(),
    startedAt: instant.optional(),
    finishedAt: instant.optional(),
    outcome: z.enum(OUTCOMES).optional().describe("Absent while the attempt runs."),
    mayStillRun: z
      .literal(true)
      .optional()
      .describe("Its worker fell silent: a program of it may have run on beside the next attempt."),
    exitCode: z.int().optional(),
    signal: z.string().optional(),
    reason: z.string().optional(),
    output: z
      .object({ stdout: z.int(), stderr: z.int(), chunks: z.int(), dropped: z.int() })
      .optional()
      .describe("Bytes written per channel, and how many of them were dropped."),
    progress: z
      .object({ value: z.number(), note: z.string().optional() })
      .optional()
      .describe("How far a running handler says it is, from 0 to 1."),
    artifacts: z
      .object({ count: z.int(), bytes: z.int(), note: z.string().optional() })
      .optional()
      .describe("How much it left behind; `note` says what was left out."),
    usage: z.object({ cpuMs: z.number().optional(), maxRssKb: z.number().optional() }).optional(),
  })
  .openapi("Attempt");

const originSchema = z
  .object({
    definition: z
      .object({ name: z.string(), version: z.int(), test: z.literal(true).optional() })
      .optional()
      .describe("The definition that it was made from, as it was then."),
    schedule: z
      .object({ name: z.string(), at: instant })
      .optional()
      .describe("The schedule that fired, and the instant that it fired for."),
    group: z
      .object({
        id: z.string(),
        member: z.string(),
        index: z.int().optional(),
        count: z.int().optional(),
        values: z.record(z.string(), z.string()).optional(),
      })
      .optional()
      .describe("The group that it belongs to, and its place there."),
    namespace: z.string().optional(),
    holds: z.literal(true).optional().describe("It holds the slots of a reservation."),
  })
  .openapi("Origin");

export const jobSchema = z
  .object({
    id: z.string(),
    state: z.enum(JOB_STATES),
    queue: z.string(),
    priority: z.int(),
    spec: z.custom<JobSpec>().openapi({ type: "object", allOf: [SPEC_REFERENCE] }),
    labels: z.record(z.string(), z.string()),
    origin: originSchema.optional().describe("What brought it about; absent for a plain submit."),
    submittedAt: instant,
    notBefore: instant.optional(),
    expiresAt: instant.optional().describe("Becomes `expired` unless it has started by then."),
    startedAt: instant.optional().describe("Start of the newest attempt."),
    finishedAt: instant.optional(),
    cancelRequested: z.literal(true).optional(),
    worker: z.string().optional().describe("Who has, or had, the newest attempt."),
    attempt: z.int().describe("Number of the newest attempt; 0 before the first."),
    attempts: z.array(attemptSchema).describe("The newest attempts, oldest first."),
    outcome: z.enum(OUTCOMES).optional().describe("How the last attempt of a finished job ended."),
    exitCode: z.int().optional(),
    signal: z.string().optional(),
    result: z.unknown().optional().describe("What the handler returned."),
    large: z
      .record(z.string(), z.object({ bytes: z.int(), url: z.string() }))
      .optional()
      .describe(
        "Where `input`, `stdin` and `result` are to be had that are too large to be shown.",
      ),
    reason: z.string().optional(),
  })
  .openapi("Job");

export type JobView = z.infer<typeof jobSchema>;
type AttemptView = z.infer<typeof attemptSchema>;

/** What the index knows of a job beyond its record. */
export type Overlay = Pick<
  Glimpse,
  "seq" | "state" | "attempt" | "worker" | "progress" | "cancelRequested"
>;

/** Pure. The overlay counts only as far as it speaks of this very record, stored at `seq`. */
export function jobView(record: JobRecord, seq: number, overlay?: Overlay): JobView {
  const { id, spec, origin } = record;
  const assigned = assignedAttempt(record, seq, overlay);
  const attempts = attemptsOf(record, assigned, overlay);
  const newest = attempts.at(-1);
  const due = dueOf(record, assigned !== undefined);
  const ending = endingOf(record);
  // named one by one: spreading the parts into it costs ten times as much
  return {
    id,
    state: assigned === undefined ? record.state : "running",
    queue: spec.queue ?? SPEC_DEFAULTS.queue,
    priority: spec.priority ?? SPEC_DEFAULTS.priority,
    spec,
    labels: spec.labels ?? {},
    origin: origin && originView(origin),
    submittedAt: iso(record.submittedAt),
    notBefore: due.notBefore,
    expiresAt: due.expiresAt,
    startedAt: newest?.startedAt,
    finishedAt: ending.finishedAt,
    cancelRequested: isCancelling(record, overlay) ? true : undefined,
    worker: newest?.worker,
    attempt: assigned?.number ?? record.attempt,
    attempts,
    outcome: ending.outcome,
    exitCode: ending.exitCode,
    signal: ending.signal,
    result: ending.result,
    large: largeParts(record),
    reason: ending.reason,
  };
}

function attemptsOf(
  record: JobRecord,
  assigned: AttemptView | undefined,
  overlay: Overlay | undefined,
): AttemptView[] {
  const attempts = record.attempts.map(attemptView);
  if (assigned !== undefined) attempts.push(assigned);
  const progress = progressOf(record, overlay);
  const newest = attempts.at(-1);
  if (newest !== undefined && progress !== undefined) newest.progress = progress;
  return attempts;
}

function largeParts({ id, references }: JobRecord): JobView["large"] {
  if (references === undefined) return undefined;
  const parts = Object.entries(references).map(([part, { bytes }]) => [
    part,
    valueAt(id, part, bytes),
  ]);
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}

/** Where a large value of a job is to be had. */
export const valueAt = (id: string, part: string, bytes: number) => ({
  bytes,
  url: `/v1/jobs/${id}/values/${part}`,
});

function originView({ schedule, ...origin }: Origin): z.infer<typeof originSchema> {
  if (schedule === undefined) return origin;
  return { ...origin, schedule: { name: schedule.name, at: iso(schedule.at) } };
}

/** Until when it waits, and at most how long. */
function dueOf(
  { state, notBefore, expiresAt }: JobRecord,
  isAssigned: boolean,
): Pick<JobView, "notBefore" | "expiresAt"> {
  if (state !== "queued" || isAssigned) return {};
  return { notBefore: optionalIso(notBefore), expiresAt: optionalIso(expiresAt) };
}

/** How a finished job ended. */
function endingOf(
  record: JobRecord,
): Pick<JobView, "finishedAt" | "outcome" | "exitCode" | "signal" | "result" | "reason"> {
  if (!isFinal(record.state)) return {};
  const { outcome, exitCode, signal } = record.attempts.at(-1) ?? {};
  const { finishedAt, result, reason } = record;
  return { finishedAt: optionalIso(finishedAt), outcome, exitCode, signal, result, reason };
}

const isCancelling = ({ state }: JobRecord, overlay: Overlay | undefined): boolean =>
  !isFinal(state) && overlay?.cancelRequested === true;

const progressOf = ({ state }: JobRecord, overlay: Overlay | undefined) =>
  isFinal(state) ? undefined : overlay?.progress;

/** Changes whenever the view of the job does. */
export function jobTag(record: JobRecord, seq: number, overlay?: Overlay): string {
  const assigned = assignedAttempt(record, seq, overlay);
  const cancel = isCancelling(record, overlay) ? ".c" : "";
  const progress = progressOf(record, overlay)?.value ?? "";
  return `"${seq}${assigned === undefined ? "" : `.${assigned.number}`}${cancel}${progress && `.p${progress}`}"`;
}

/** A job runs from its assignment on, which only long attempts write to the record. */
function assignedAttempt(
  record: JobRecord,
  seq: number,
  overlay: Overlay | undefined,
): AttemptView | undefined {
  const { worker, attempt = 0 } = overlay ?? {};
  const speaksOfIt = overlay?.seq === seq && record.state === "queued" && worker !== undefined;
  return speaksOfIt ? { number: attempt, worker } : undefined;
}

function attemptView({ startedAt, finishedAt, artifacts, ...attempt }: Attempt): AttemptView {
  const { count, bytes, note } = artifacts ?? { count: 0, bytes: 0 };
  return {
    ...attempt,
    ...(artifacts === undefined ? {} : { artifacts: { count, bytes, note } }),
    startedAt: optionalIso(startedAt),
    finishedAt: optionalIso(finishedAt),
  };
}

export const iso = (at: number): string => new Date(at).toISOString();
const optionalIso = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : iso(at);
