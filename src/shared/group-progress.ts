// How a group stands and what is to be done about it: pure, from its record and the states of its jobs.
import {
  isOverGroup,
  type Counts,
  type GroupRecord,
  type GroupState,
  type Member,
  type MemberEnd,
  type MemberNote,
  type Need,
} from "./group.ts";
import { sizeOf } from "./group-plan.ts";

/** What is known of a member's jobs: how many in which state, and how many are to run once more. */
export type Tally = Counts & { stale: number };

/** waiting: its needs are open · running: its jobs are live or to be made · skipped: its needs cannot be met any more */
export type MemberState = "waiting" | "running" | MemberEnd;

export type MemberStanding = {
  member: Member;
  state: MemberState;
  /** Jobs in all; undefined while its workers are not chosen. */
  size: number | undefined;
  counts: Counts;
  /** Jobs that are to be made now. */
  missing: number;
  /** Jobs that are to run once more. */
  stale: number;
  /** Its workers are to be chosen now. */
  choosing: boolean;
};

export type Standing = {
  members: readonly MemberStanding[];
  /** Nothing is live, nothing will come. */
  over: boolean;
};

export const noCounts = (): Counts => ({
  queued: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  expired: 0,
});

export const isOverMember = (state: MemberState): state is MemberEnd =>
  state !== "waiting" && state !== "running";

const made = ({ queued, running, succeeded, failed, cancelled, expired }: Counts): number =>
  queued + running + succeeded + failed + cancelled + expired;

/** How every member stands. `tallyOf` tells of the jobs that are known. */
export function standingOf(record: GroupRecord, tallyOf: (member: string) => Tally): Standing {
  const byName = new Map(record.spec.members.map((member) => [member.name, member]));
  const known = new Map<string, MemberStanding>();

  function standing(name: string): MemberStanding {
    const found = known.get(name);
    if (found !== undefined) return found;
    const member = byName.get(name) as Member;
    const worked = memberStanding(record, member, tallyOf(name), standing);
    known.set(name, worked);
    return worked;
  }

  const members = record.spec.members.map(({ name }) => standing(name));
  return { members, over: members.every(({ state }) => isOverMember(state)) };
}

function memberStanding(
  record: GroupRecord,
  member: Member,
  tally: Tally,
  standing: (name: string) => MemberStanding,
): MemberStanding {
  const note = record.members[member.name] ?? {};
  const size = sizeOf(record, member);
  const { stale, ...counts } = tally;
  const still = { member, size, counts, missing: 0, stale, choosing: false };
  if (note.ended !== undefined) return { ...still, stale: 0, ...note.ended };
  if (!note.made && made(counts) === 0)
    return begin(still, beforeItsFirst(record, member, standing));
  return goOn(still, record, note.made ?? false);
}

type Still = Omit<MemberStanding, "state">;

function begin(still: Still, state: MemberState): MemberStanding {
  if (state !== "running") return { ...still, state };
  if (still.size === undefined) return { ...still, state, choosing: true };
  // no worker passed the tests
  if (still.size === 0) return { ...still, state: "failed" };
  return { ...still, state, missing: still.size };
}

/** A job that was removed before its end was noted counts as failed: nobody can say that it succeeded. */
function goOn(still: Still, { cancel }: GroupRecord, allMade: boolean): MemberStanding {
  const { counts, size = 0, stale } = still;
  const absent = size - made(counts);
  const missing = allMade || cancel !== undefined ? 0 : absent;
  const live = counts.queued + counts.running + (cancel === undefined ? stale : 0);
  if (live + missing > 0) return { ...still, state: "running", missing };
  const bad = counts.failed + counts.expired + (allMade ? absent : 0);
  if (bad > 0) return { ...still, state: "failed" };
  const undone = counts.cancelled + (allMade ? 0 : absent);
  return { ...still, state: undone > 0 ? "cancelled" : "succeeded" };
}

/** What a member without jobs is about to do. */
function beforeItsFirst(
  record: GroupRecord,
  member: Member,
  standing: (name: string) => MemberStanding,
): "waiting" | "running" | "skipped" | "cancelled" {
  const answers = (member.needs ?? []).map((need) => judge(need, standing(need.member)));
  if (answers.includes("never")) return "skipped";
  if (record.cancel !== undefined) return "cancelled";
  return answers.includes("open") || record.state === "queued" ? "waiting" : "running";
}

function judge({ on }: Need, { state, counts }: MemberStanding): "met" | "open" | "never" {
  if (on === "any" && counts.succeeded > 0) return "met";
  if (!isOverMember(state)) return "open";
  switch (on) {
    case "always":
      return "met";
    case "success":
      return state === "succeeded" ? "met" : "never";
    case "failure":
      return state === "failed" ? "met" : "never";
    case "any":
      return "never";
  }
}

/** How the group ended. */
export function endState(record: GroupRecord, standing: Standing): GroupState {
  const { members } = standing;
  if (record.cancel !== undefined && members.some(({ state }) => state === "cancelled"))
    return "cancelled";
  const { outcome = "all" } = record.spec;
  if (outcome === "all") {
    if (members.some(({ state }) => state === "failed")) return "failed";
    return members.some(({ state }) => state === "cancelled") ? "cancelled" : "succeeded";
  }
  const jobs = members.reduce((sum, member) => sum + (isMade(member) ? (member.size ?? 0) : 0), 0);
  const succeeded = members.reduce((sum, { counts }) => sum + counts.succeeded, 0);
  const enough = outcome === "any" ? 1 : Math.max(1, (jobs * outcome.percent) / 100);
  return succeeded >= enough ? "succeeded" : "failed";
}

const isMade = ({ state, counts }: MemberStanding): boolean =>
  state !== "skipped" && !(state === "cancelled" && made(counts) === 0);

/** The record with what has become certain noted in it; the same record when there is nothing new. */
export function settled(record: GroupRecord, standing: Standing, at: number): GroupRecord {
  if (isOverGroup(record.state)) return record;
  const news = standing.members.flatMap((one): [string, MemberNote][] => {
    const note = record.members[one.member.name] ?? {};
    const noted = notedOn(note, one);
    return noted === note ? [] : [[one.member.name, noted]];
  });
  if (news.length === 0 && !standing.over) return record;
  const members = { ...record.members, ...Object.fromEntries(news) };
  return standing.over ? ended({ ...record, members }, standing, at) : { ...record, members };
}

function notedOn(note: MemberNote, { state, size, counts, missing }: MemberStanding): MemberNote {
  if (note.ended !== undefined) return note;
  if (isOverMember(state)) return { ...note, ended: { state, counts } };
  const allMade = missing === 0 && size !== undefined && made(counts) === size;
  return allMade && !note.made ? { ...note, made: true } : note;
}

function ended(record: GroupRecord, standing: Standing, at: number): GroupRecord {
  const state = endState(record, standing);
  const reason = reasonOf(record, standing, state);
  return {
    ...record,
    state,
    finishedAt: at,
    ...(reason === undefined ? {} : { reason }),
    timeline: [
      ...record.timeline,
      { at, what: state, ...(reason === undefined ? {} : { reason }) },
    ].slice(-KEPT_TIMELINE),
  };
}

export const KEPT_TIMELINE = 100;

function reasonOf(
  record: GroupRecord,
  { members }: Standing,
  state: GroupState,
): string | undefined {
  if (state === "cancelled") return record.cancel?.reason ?? "Jobs of it were cancelled.";
  if (state !== "failed") return undefined;
  const failed = members.filter((one) => one.state === "failed").map(({ member }) => member.name);
  return failed.length === 0 ? "Too few jobs succeeded." : `Failed: ${failed.join(", ")}.`;
}
