// A group as callers see it: its record, with what its jobs are doing laid over.
import { z } from "@hono/zod-openapi";

import {
  GROUP_STATES,
  isOverGroup,
  NEED_CONDITIONS,
  type GroupRecord,
} from "../../shared/group.ts";
import { isOverMember, noCounts, type MemberStanding } from "../../shared/group-progress.ts";
import type { GroupIndex } from "../groups/group-index.ts";
import { instant, iso } from "./job-view.ts";

const MEMBER_STATES = [
  "waiting",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "skipped",
] as const;

const progressSchema = z.object({
  total: z.int().describe("Jobs in all, as far as it is known how many there will be."),
  waiting: z.int().describe("Jobs that are not made yet."),
  queued: z.int(),
  running: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  expired: z.int(),
});

export const groupSchema = z
  .object({
    id: z.string(),
    name: z.string().optional(),
    state: z.enum(GROUP_STATES).describe("queued: waits for its turn behind other runs."),
    definition: z.object({ name: z.string(), version: z.int() }).optional(),
    schedule: z.object({ name: z.string(), at: instant }).optional(),
    labels: z.record(z.string(), z.string()),
    submittedAt: instant,
    startedAt: instant.optional(),
    finishedAt: instant.optional(),
    overdueSince: instant.optional().describe("It has run for longer than `monitor.alertAfter`."),
    cancelRequested: z.literal(true).optional(),
    reason: z.string().optional(),
    retries: z.int(),
    progress: progressSchema,
    members: z.array(
      z.object({
        name: z.string(),
        state: z.enum(MEMBER_STATES),
        needs: z.array(z.object({ member: z.string(), on: z.enum(NEED_CONDITIONS) })).optional(),
        workers: z.array(z.string()).optional().describe("What `onEvery` chose."),
        metBy: z
          .string()
          .optional()
          .describe("The job that was there already for its unique key, and does its work."),
        progress: progressSchema,
      }),
    ),
    timeline: z.array(
      z.object({
        at: instant,
        what: z.string(),
        actor: z.string().optional(),
        reason: z.string().optional(),
      }),
    ),
  })
  .openapi("Group");

export type GroupView = z.infer<typeof groupSchema>;
type Progress = z.infer<typeof progressSchema>;

/** Pure but for the index. */
export function groupView(record: GroupRecord, index: Pick<GroupIndex, "standing">): GroupView {
  const members = index.standing(record).members.map((standing) => ({
    name: standing.member.name,
    state: shownState(record, standing),
    needs: standing.member.needs,
    workers: record.members[standing.member.name]?.chosen,
    metBy: record.members[standing.member.name]?.metBy,
    progress: progressOf(record, standing),
  }));
  const { schedule } = record.origin ?? {};
  return {
    id: record.id,
    name: record.spec.name,
    state: record.state,
    definition: record.origin?.definition,
    schedule: schedule && { name: schedule.name, at: iso(schedule.at) },
    labels: record.spec.labels ?? {},
    submittedAt: iso(record.submittedAt),
    startedAt: optionalIso(record.startedAt),
    finishedAt: optionalIso(record.finishedAt),
    overdueSince: optionalIso(record.alertedAt),
    cancelRequested: record.cancel !== undefined && !isOverGroup(record.state) ? true : undefined,
    reason: record.reason,
    retries: record.series,
    progress: members.map(({ progress }) => progress).reduce(sum, nothing()),
    members,
    timeline: record.timeline.map((entry) => ({ ...entry, at: iso(entry.at) })),
  };
}

/** A member ends when that is noted: before, jobs that seem to be missing may only be late. */
function shownState(
  record: GroupRecord,
  { member, state }: MemberStanding,
): MemberStanding["state"] {
  if (record.members[member.name]?.ended !== undefined || !isOverMember(state)) return state;
  return state === "skipped" || state === "cancelled" ? state : "running";
}

function progressOf(record: GroupRecord, { size, counts, state }: MemberStanding): Progress {
  const made = Object.values(counts).reduce((total, count) => total + count, 0);
  const total = state === "skipped" && made === 0 ? 0 : Math.max(size ?? 0, made);
  return { total, waiting: isOverGroup(record.state) ? 0 : total - made, ...counts };
}

const nothing = (): Progress => ({ total: 0, waiting: 0, ...noCounts() });

function sum(a: Progress, b: Progress): Progress {
  const keys = Object.keys(a) as (keyof Progress)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as Progress;
}

const optionalIso = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : iso(at);
