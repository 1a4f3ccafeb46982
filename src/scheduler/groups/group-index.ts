// What is known of groups and their jobs, in memory: facts in, standings out. No I/O, no clock.
import { isOverGroup, type GroupRecord } from "../../shared/group.ts";
import { noCounts, standingOf, type Standing, type Tally } from "../../shared/group-progress.ts";
import { isFinal, type JobRecord, type JobState } from "../../shared/job.ts";

/** One job of a group, as it was last known; kept beyond the job's removal as long as the group is known. */
export type Child = {
  readonly job: string;
  readonly member: string;
  readonly index: number;
  state: JobState;
  /** Sequence of the newest record. */
  seq: number;
};

export type KnownGroup = { readonly record: GroupRecord; readonly seq: number };

export type GroupIndex = ReturnType<typeof createGroupIndex>;

type Place = { cell: Cell; child: Child };
type MemberCell = { readonly children: Map<number, Child>; tally: Tally };
type Cell = {
  readonly id: string;
  known: KnownGroup | undefined;
  /** Jobs that have not been removed. */
  present: number;
  readonly members: Map<string, MemberCell>;
};

const NOTHING: Tally = { ...noCounts(), stale: 0 };

export function createGroupIndex() {
  const cells = new Map<string, Cell>();
  const places = new Map<string, Place>();
  const live = new Set<string>();
  const monitored = new Set<string>();
  const listeners = new Set<(groupId: string) => void>();

  function tell(groupId: string): void {
    for (const listener of listeners) listener(groupId);
  }

  function cellOf(groupId: string): Cell {
    const known = cells.get(groupId);
    if (known !== undefined) return known;
    const cell: Cell = { id: groupId, known: undefined, present: 0, members: new Map() };
    cells.set(groupId, cell);
    return cell;
  }

  function memberOf(cell: Cell, member: string): MemberCell {
    const known = cell.members.get(member);
    if (known !== undefined) return known;
    const made: MemberCell = { children: new Map(), tally: { ...noCounts(), stale: 0 } };
    cell.members.set(member, made);
    return made;
  }

  function count(cell: Cell, child: Child, by: 1 | -1): void {
    const { tally } = memberOf(cell, child.member);
    tally[child.state] += by;
    if (isStale(child, cell.known?.record)) tally.stale += by;
  }

  /** Another retry makes other jobs stale. */
  function recount(cell: Cell): void {
    for (const member of cell.members.values()) {
      member.tally = { ...noCounts(), stale: 0 };
      for (const child of member.children.values()) count(cell, child, 1);
    }
  }

  function added(groupId: string, child: Child, isStored = true): void {
    const cell = cellOf(groupId);
    const { children } = memberOf(cell, child.member);
    const before = children.get(child.index);
    if (before !== undefined) count(cell, before, -1);
    children.set(child.index, child);
    count(cell, child, 1);
    if (isStored) {
      places.set(child.job, { cell, child });
      cell.present += 1;
    }
    tell(groupId);
  }

  function forgetLive(groupId: string): void {
    live.delete(groupId);
    monitored.delete(groupId);
  }

  function dropIfEmpty(cell: Cell): void {
    if (cell.known === undefined && cell.present === 0) cells.delete(cell.id);
  }

  function show({ cell, child }: Place, state: JobState, seq: number): void {
    count(cell, child, -1);
    child.state = state;
    child.seq = Math.max(seq, child.seq);
    count(cell, child, 1);
    tell(cell.id);
  }

  return {
    // Facts.
    /** A job's record changed; jobs of no group are passed over. `shown` is the state that people see. */
    jobChanged(record: JobRecord, seq: number, shown: JobState): void {
      const { group } = record.origin ?? {};
      if (group === undefined) return;
      const { id, member, index = 0 } = group;
      const place = places.get(record.id);
      if (place === undefined) added(id, { job: record.id, member, index, state: shown, seq });
      else show(place, shown, seq);
    },
    /** True when the job is known to belong to the group, or to any. */
    isChild(jobId: string, groupId?: string): boolean {
      const id = places.get(jobId)?.cell.id;
      return id !== undefined && (groupId === undefined || id === groupId);
    },
    /** What is seen of a job changed without its record. */
    jobShown(jobId: string, shown: JobState): void {
      const place = places.get(jobId);
      if (place !== undefined && place.child.state !== shown) show(place, shown, 0);
    },
    /** Nobody can say how one would have ended that was not over: it counts as failed, so that the group does not wait for it. */
    jobGone(jobId: string): void {
      const place = places.get(jobId);
      if (place === undefined) return;
      if (!isFinal(place.child.state)) show(place, "failed", 0);
      places.delete(jobId);
      place.cell.present -= 1;
      dropIfEmpty(place.cell);
    },
    /** A job was made, or found made, removed or met by another one: known before, or without, its feed telling. */
    jobMade(groupId: string, child: Omit<Child, "seq">, isStored: boolean): void {
      const cell = cellOf(groupId);
      if (memberOf(cell, child.member).children.has(child.index)) return;
      added(groupId, { ...child, seq: 0 }, isStored);
    },
    groupChanged(record: GroupRecord, seq: number): void {
      const cell = cellOf(record.id);
      if (cell.known !== undefined && cell.known.seq >= seq) return;
      const before = cell.known?.record.retryUpTo;
      cell.known = { record, seq };
      if (before !== record.retryUpTo) recount(cell);
      if (isOverGroup(record.state)) forgetLive(record.id);
      else live.add(record.id);
      if (live.has(record.id) && record.spec.monitor !== undefined) monitored.add(record.id);
      tell(record.id);
    },
    groupGone(groupId: string, seq: number): void {
      const cell = cells.get(groupId);
      if (cell === undefined || (cell.known !== undefined && cell.known.seq >= seq)) return;
      cell.known = undefined;
      forgetLive(groupId);
      dropIfEmpty(cell);
      tell(groupId);
    },

    // Answers.
    get: (groupId: string): KnownGroup | undefined => cells.get(groupId)?.known,
    standing(record: GroupRecord): Standing {
      const cell = cells.get(record.id);
      return standingOf(record, (member) => cell?.members.get(member)?.tally ?? NOTHING);
    },
    child: (groupId: string, member: string, index: number): Child | undefined =>
      cells.get(groupId)?.members.get(member)?.children.get(index),
    /** Jobs of a group, member by member, each in order as far as they were made so. */
    *children(groupId: string): Iterable<Child> {
      const cell = cells.get(groupId);
      for (const { name } of cell?.known?.record.spec.members ?? [])
        yield* cell?.members.get(name)?.children.values() ?? [];
    },
    /** Groups that are not over. */
    live: (): readonly string[] => [...live],
    /** Those of them whose time is watched. */
    monitored: (): ReadonlySet<string> => monitored,
    *known(): Iterable<KnownGroup> {
      for (const { known } of cells.values()) if (known !== undefined) yield known;
    },
    /** Calls back after each change of a group or of its jobs, until disposed. */
    watch(listener: (groupId: string) => void): Disposable {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

/** True for a job that ended badly before the retry of its group. */
export function isStale({ state, seq }: Child, record: GroupRecord | undefined): boolean {
  if (record?.retryUpTo === undefined || seq > record.retryUpTo) return false;
  return state === "failed" || state === "cancelled" || state === "expired";
}
