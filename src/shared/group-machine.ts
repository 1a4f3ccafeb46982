// What moves a group from outside: made, begun, cancelled, tried again. Its end follows from its jobs, see group-progress.ts.
import { MillraceError } from "./errors.ts";
import { isOverGroup, type GroupRecord, type GroupSpec, type MemberNote } from "./group.ts";
import { KEPT_TIMELINE } from "./group-progress.ts";
import { durationMs } from "./durations.ts";

const DEFAULT_RETENTION = "7d";

export type GroupSubmission = Pick<
  GroupRecord,
  "origin" | "params" | "exclusive" | "fingerprint"
> & {
  actor?: string;
};

/** The record of a group that was just accepted: running at once, unless it must wait for its turn. */
export function newGroup(
  id: string,
  spec: GroupSpec,
  at: number,
  { actor, ...more }: GroupSubmission = {},
): GroupRecord {
  return {
    v: 1,
    id,
    spec,
    ...more,
    ...(more.exclusive === undefined ? { state: "running", startedAt: at } : { state: "queued" }),
    submittedAt: at,
    series: 0,
    members: {},
    timeline: [{ at, what: "submitted", ...(actor === undefined ? {} : { actor }) }],
  };
}

/** Its turn has come. */
export const begun = (record: GroupRecord, at: number): GroupRecord =>
  record.state === "queued"
    ? entered({ ...record, state: "running", startedAt: at }, { at, what: "started" })
    : record;

/** Told that it takes long. */
export const alerted = (record: GroupRecord, at: number): GroupRecord =>
  entered({ ...record, alertedAt: at }, { at, what: "overdue" });

/** Throws `job_finished` when it is over. Asking again changes nothing. */
export function cancelled(
  record: GroupRecord,
  cancel: { at: number; actor: string; reason: string },
): GroupRecord {
  if (isOverGroup(record.state))
    throw new MillraceError("job_finished", `Group ${record.id} is ${record.state} already.`);
  if (record.cancel !== undefined) return record;
  return entered({ ...record, cancel }, { what: "cancel requested", ...cancel });
}

/**
 * What ended badly is to be done once more, what was skipped is looked at again, what succeeded stays.
 * `upTo` is the last sequence of the jobs' stream. Throws `job_not_finished`, and `illegal_move` when nothing failed.
 */
export function retried(
  record: GroupRecord,
  { at, actor, upTo }: { at: number; actor: string; upTo: number },
): GroupRecord {
  if (!isOverGroup(record.state))
    throw new MillraceError("job_not_finished", `Group ${record.id} has not finished yet.`);
  const ends = Object.values(record.members).map(({ ended }) => ended?.state);
  if (!ends.some((end) => end === "failed" || end === "cancelled"))
    throw new MillraceError(
      "illegal_move",
      `Nothing of group ${record.id} failed; there is nothing to try again.`,
    );
  const { finishedAt: _finished, cancel: _cancel, reason: _reason, ...rest } = record;
  const { startedAt: _started, alertedAt: _alerted, ...waiting } = rest;
  const members = Object.fromEntries(
    Object.entries(record.members).map(([name, note]) => [
      name,
      note.ended?.state === "succeeded" ? note : reopened(note),
    ]),
  );
  return entered(
    {
      ...waiting,
      members,
      retryUpTo: upTo,
      series: record.series + 1,
      ...(record.exclusive === undefined
        ? { state: "running", startedAt: at }
        : { state: "queued" }),
    },
    { at, what: "retried", actor },
  );
}

/** Workers are chosen anew where there were none. */
function reopened({ chosen, made }: MemberNote): MemberNote {
  return {
    ...(chosen === undefined || chosen.length === 0 ? {} : { chosen }),
    ...(made === undefined ? {} : { made }),
  };
}

function entered(record: GroupRecord, entry: GroupRecord["timeline"][number]): GroupRecord {
  const { at, what, actor, reason } = entry;
  const clean = {
    at,
    what,
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
  };
  return { ...record, timeline: [...record.timeline, clean].slice(-KEPT_TIMELINE) };
}

/** How long a finished group is kept, in milliseconds. */
export const groupRetentionMs = ({ spec }: GroupRecord): number =>
  durationMs(spec.retention ?? DEFAULT_RETENTION);
