// Groups: jobs that belong together, some waiting for others. What a caller may ask for, and the record that stands for it.
import { z } from "zod";

import { MillraceError } from "./errors.ts";
import { constraint, duration, few, labelKey, name, text } from "./fields.ts";
import { firstCycle } from "./group-needs.ts";
import { GROUP_STATES, type GroupState } from "./group-state.ts";
import type { Origin } from "./job.ts";
import { fieldPath, jobSpecSchema, specError } from "./spec.ts";

export { GROUP_STATES, isOverGroup, type GroupState } from "./group-state.ts";

/** Jobs that one group may hold; onEvery members count when their workers are known. */
export const MAX_GROUP_JOBS = 100_000;
const MAX_MEMBERS = 256;

/**
 * When a need is met.
 *
 * success: every job of the member succeeded · failure: the member failed · always: it is over, however it ended or
 * if it was skipped · any: one of its jobs has succeeded, even while others run
 */
export const NEED_CONDITIONS = ["success", "failure", "always", "any"] as const;
export type NeedCondition = (typeof NEED_CONDITIONS)[number];

const needSchema = z.strictObject({
  member: name.describe("The member that is waited for."),
  on: z
    .enum(NEED_CONDITIONS)
    .default("success")
    .describe(
      "success: all its jobs succeeded · failure: it failed · always: it is over · any: one of its jobs succeeded.",
    ),
});

const matrixValue = z.union([text(4_096), z.number(), z.boolean()]);

/** What makes a member more than one job, and what it waits for. */
export const fanOutFields = {
  count: z
    .int()
    .min(1)
    .max(MAX_GROUP_JOBS)
    .optional()
    .describe("So many jobs; each finds its place in MILLRACE_INDEX (from 0) and MILLRACE_COUNT."),
  matrix: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "must be letters, digits and _"),
      z.array(matrixValue).min(1).max(10_000),
    )
    .refine(few(16), "at most 16 dimensions")
    .refine(
      (matrix) =>
        new Set(Object.keys(matrix).map((key) => key.toUpperCase())).size ===
        Object.keys(matrix).length,
      "must have dimensions that differ in more than upper and lower case",
    )
    .refine((matrix) => Object.keys(matrix).length > 0, "must have a dimension")
    .optional()
    .describe("A job for every combination; its values are in MILLRACE_MATRIX_<KEY>."),
  onEvery: z
    .array(constraint)
    .max(32)
    .optional()
    .describe("A job on each worker that passes these tests; [] is every worker."),
  needs: z
    .array(z.union([name.transform((member) => ({ member, on: "success" as const })), needSchema]))
    .max(MAX_MEMBERS)
    .optional()
    .describe("Members that it waits for; a name alone waits for its success."),
};

const memberSchema = z.strictObject({ name, spec: jobSpecSchema, ...fanOutFields });

export const outcomeSchema = z.union([
  z.enum(["all", "any"]),
  z.strictObject({ percent: z.number().min(0).max(100) }),
]);

export const monitorSchema = z.strictObject({
  alertAfter: duration({ minMs: 1 })
    .optional()
    .describe("Tell, as an event, when a run takes longer."),
  stopAfter: duration({ minMs: 1 }).optional().describe("Cancel a run that takes longer."),
});

export const groupFields = {
  outcome: outcomeSchema
    .optional()
    .describe(
      "When the group succeeds: all jobs did (default), any did, or at least so many percent of those made.",
    ),
  monitor: monitorSchema.optional().describe("What happens when it takes long."),
  labels: z.record(labelKey, text(256)).refine(few(64), "at most 64 labels").optional(),
  retention: duration({ minMs: 1_000 })
    .optional()
    .describe("How long the finished group can be read; default 7d."),
};

const groupShape = z.strictObject({
  name: name.optional().describe("Your own word for it; need not be unique."),
  members: z.array(memberSchema).min(1).max(MAX_MEMBERS),
  ...groupFields,
});

export const groupSpecSchema = groupShape.superRefine((group, context) => {
  for (const { path, message } of flawsOf(group.members))
    context.addIssue({ code: "custom", path: ["members", ...path], message });
});

export type Member = z.infer<typeof memberSchema>;
export type Need = z.infer<typeof needSchema>;
export type FanOut = Omit<Member, "name" | "spec">;
export type Outcome = z.infer<typeof outcomeSchema>;
export type Monitor = z.infer<typeof monitorSchema>;
/** A group as asked for. */
export type GroupSpec = z.infer<typeof groupSpecSchema>;

/** The spec in an unknown value; throws `invalid_spec` with the first offending field. */
export function parseGroupSpec(value: unknown): GroupSpec {
  const parsed = groupSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw specError(parsed.error);
}

export type Flaw = { path: PropertyKey[]; message: string };

type Planned = Pick<Member, "name" | "spec"> & FanOut;

/** What is wrong with members as a whole: each by itself may be sound. */
export function flawsOf(members: readonly Planned[]): Flaw[] {
  const names = members.map((member) => member.name);
  const flaws = members.flatMap((member, index) => memberFlaws(member, index, names));
  if (flaws.length > 0) return flaws;
  const cycle = firstCycle(members);
  if (cycle !== undefined)
    return [
      {
        path: [names.indexOf(cycle[0] ?? ""), "needs"],
        message: `waits for itself: ${[...cycle, cycle[0]].join(" needs ")}`,
      },
    ];
  const jobs = members.reduce((sum, member) => sum + (plannedSize(member) ?? 0), 0);
  return jobs <= MAX_GROUP_JOBS
    ? []
    : [{ path: [], message: `make ${jobs} jobs; a group may have ${MAX_GROUP_JOBS}` }];
}

function memberFlaws(member: Planned, index: number, names: readonly string[]): Flaw[] {
  const flaws: Flaw[] = [];
  if (names.indexOf(member.name) < index)
    flaws.push({ path: [index, "name"], message: `there is a "${member.name}" already` });
  const kinds = (["count", "matrix", "onEvery"] as const).filter((kind) => member[kind]);
  if (kinds[0] !== undefined && member.spec.unique !== undefined)
    flaws.push({
      path: [index, "spec", "unique"],
      message: `jobs of one member would all bear it; leave out ${kinds[0]} or unique`,
    });
  if (kinds[1] !== undefined)
    flaws.push({ path: [index, kinds[1]], message: `give ${kinds[0]} or ${kinds[1]}, not both` });
  for (const [place, need] of (member.needs ?? []).entries())
    if (!names.includes(need.member))
      flaws.push({
        path: [index, "needs", place],
        message: `there is no "${need.member}" to wait for`,
      });
  return flaws;
}

/** Jobs of a member as far as its spec tells; undefined for one on every worker. */
export function plannedSize({ count, matrix, onEvery }: FanOut): number | undefined {
  if (onEvery !== undefined) return undefined;
  if (matrix === undefined) return count ?? 1;
  return Object.values(matrix).reduce((product, values) => product * values.length, 1);
}

/** Jobs of a member per state. */
export type Counts = {
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  expired: number;
};

export type MemberEnd = "succeeded" | "failed" | "cancelled" | "skipped";

/** What is durably known of a member beyond its jobs' own records. */
export type MemberNote = {
  /** Names or ids of the workers it runs on, written down before the first job is made. */
  chosen?: string[];
  /** The job that was there already for the unique key of its own: how that one ends, the member does. */
  metBy?: string;
  /** All its jobs were made: one that is missing has been removed and is never made again. */
  made?: true;
  /** How it ended, with its jobs' states then. */
  ended?: { state: MemberEnd; counts: Counts };
};

export type GroupEntry = { at: number; what: string; actor?: string; reason?: string };

/** One at a time among all groups of the key: wait, be refused, or end the others. */
export type Exclusive = { key: string; policy: "queue" | "reject" | "replace" };

/** The one truth about a group, as it stands in the stream: what is planned, and what came of it as far as that is over. */
export type GroupRecord = {
  v: 1;
  id: string;
  spec: GroupSpec;
  origin?: Pick<Origin, "definition" | "schedule" | "namespace">;
  /** Parameters of the run, when a definition was the origin. */
  params?: Readonly<Record<string, unknown>>;
  exclusive?: Exclusive;
  state: GroupState;
  /** Times are epoch milliseconds. */
  submittedAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** When it was told that the group takes long. */
  alertedAt?: number;
  /** Somebody wants it to end: nothing more is begun, and what runs is cancelled. */
  cancel?: { at: number; actor: string; reason: string };
  /** Tried again: jobs that ended badly at or before this sequence of the jobs' stream are to run once more. */
  retryUpTo?: number;
  /** Retries so far. */
  series: number;
  members: Readonly<Record<string, MemberNote>>;
  /** Newest last. */
  timeline: GroupEntry[];
  reason?: string;
  /** SHA-256 of the spec, when an idempotency key names the group. */
  fingerprint?: string;
};

/** The record in a text; undefined when it is none. */
export function decodeGroup(payload: string): GroupRecord | undefined {
  try {
    const value = JSON.parse(payload) as Partial<GroupRecord> | null;
    const sound =
      value?.v === 1 &&
      typeof value.id === "string" &&
      Array.isArray(value.spec?.members) &&
      typeof value.members === "object" &&
      GROUP_STATES.includes(value.state as GroupState);
    return sound ? (value as GroupRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `invalid_spec` for the first flaw, its path below `field`. */
export function requireSound(flaws: readonly Flaw[], ...field: PropertyKey[]): void {
  const [flaw] = flaws;
  if (flaw === undefined) return;
  const path = fieldPath([...field, ...flaw.path]);
  throw new MillraceError("invalid_spec", `${path}: ${flaw.message}`, { field: path });
}
