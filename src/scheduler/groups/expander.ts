// The leader's duty that makes groups go on: makes the jobs whose turn has come, ends and retries them, and notes what is certain.
//
// A change of a group or of one of its jobs wakes it. Everything it writes follows from what stands in the streams,
// so that a new leader goes on where the last one stopped: jobs are named by their place, records change by compare-and-set.
import { hasCode } from "../../shared/errors.ts";
import { isOverGroup, type GroupRecord, type MemberNote } from "../../shared/group.ts";
import { begun } from "../../shared/group-machine.ts";
import { settled, type Standing } from "../../shared/group-progress.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import type { GroupStore } from "../../shared/io/group-store.ts";
import type { Log } from "../../shared/io/log.ts";
import { isFinal } from "../../shared/job.ts";
import { NO_ROOM } from "../admission.ts";
import { createBell } from "../bell.ts";
import type { Board } from "../core/board.ts";
import type { Duty } from "../duties.ts";
import { chooseWorkers } from "./choose-workers.ts";
import type { Children } from "./children.ts";
import { isStale, type Child, type GroupIndex, type KnownGroup } from "./group-index.ts";
import { createHeld } from "./held.ts";
import { inLanes } from "./lanes.ts";
import type { Monitor } from "./monitor.ts";
import type { Turns } from "./turns.ts";

export type ExpanderDeps = {
  index: GroupIndex;
  /** Resolves when everything that the broker holds of groups and, after that, of jobs is known. */
  caughtUp: () => Promise<void>;
  groups: GroupStore;
  children: Children;
  board: Pick<Board, "get" | "watch" | "workers">;
  turns: Turns;
  monitor: Monitor;
  clock: Clock;
  log: Log;
};

/** Groups worked on at once, writes under way for each, and jobs made before others have their turn. */
const GROUPS = 8;
const LANES = 32;
const PER_TURN = 1_000;
const RETRY_MS = 1_000;
const LONGEST_REST_MS = 50;
const LONGEST_SLEEP_MS = 60_000;

/** What comes after a step: another at once, one when there is room for more jobs, or nothing until something changes. */
type Next = "step" | "room" | "change";

export function createExpander(deps: ExpanderDeps): Duty {
  return {
    name: "groups",
    async run(signal) {
      await deps.caughtUp();
      const { index, clock, monitor, log } = deps;
      using bell = createBell(signal);
      const dirty = new Set(index.live());
      const active = new Map<string, Promise<void>>();
      const timers = new Set<NodeJS.Timeout>();
      using held = createHeld(mark);
      const step = createStep(deps, signal);

      function mark(groupId: string): void {
        dirty.add(groupId);
        const record = index.get(groupId)?.record;
        // those behind it may have their turn now
        if (record?.exclusive !== undefined && isOverGroup(record.state))
          for (const other of index.live())
            if (index.get(other)?.record.exclusive?.key === record.exclusive.key) dirty.add(other);
        bell.ring();
      }

      function markLater(groupId: string): void {
        const timer = setTimeout(() => {
          timers.delete(timer);
          mark(groupId);
        }, RETRY_MS);
        timers.add(timer);
      }

      async function turn(groupId: string): Promise<void> {
        const began = clock.mono();
        try {
          const next = await step(groupId);
          if (next === "step") mark(groupId);
          if (next === "room") held.hold(groupId);
          // what arrives meanwhile is looked at together: a large group is not gone through for each of its jobs
          await pause(Math.min(LONGEST_REST_MS, clock.mono() - began), signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ event: "group_failed", group: groupId, error }, "a group is looked at again");
          markLater(groupId);
        } finally {
          active.delete(groupId);
          bell.ring();
        }
      }

      using _watch = index.watch(mark);
      using _moves = deps.board.watch("*", ({ record, gone }) => {
        if (gone || record?.state !== "queued") held.stir();
      });
      try {
        while (!signal.aborted) {
          for (const groupId of dirty) {
            if (active.size >= GROUPS) break;
            if (active.has(groupId)) continue;
            dirty.delete(groupId);
            active.set(groupId, turn(groupId));
          }
          const due = monitor.nextDueAt();
          await bell.wait(Math.min(LONGEST_SLEEP_MS, Math.max(1, due - clock.now())));
          for (const groupId of monitor.due(clock.now())) dirty.add(groupId);
        }
      } finally {
        for (const timer of timers) clearTimeout(timer);
        await Promise.all(active.values());
      }
    },
  };
}

/** Makes one step with a group. */
function createStep(deps: ExpanderDeps, signal: AbortSignal) {
  const { index, groups, children, board, turns, monitor, clock } = deps;

  /** Losing the race means that the feed brings what somebody else made of the record. */
  async function write({ seq }: KnownGroup, record: GroupRecord): Promise<Next> {
    try {
      index.groupChanged(record, await groups.write(record, seq));
      return "step";
    } catch (error) {
      if (hasCode(error, "lost_race")) return "change";
      throw error;
    }
  }

  /** What is written down before any job of a member is made: its workers, or the job that stands for its unique key. */
  function prepared(record: GroupRecord, { members }: Standing): GroupRecord | undefined {
    const notes = members.flatMap(
      ({ member, choosing, missing: wanted }): [string, MemberNote][] => {
        const note = record.members[member.name] ?? {};
        if (choosing) {
          const chosen = chooseWorkers(member, board.workers(clock.mono()));
          return [[member.name, { ...note, chosen }]];
        }
        const metBy =
          wanted > 0 && note.metBy === undefined ? children.standIn(record, member) : undefined;
        return metBy === undefined ? [] : [[member.name, { ...note, metBy }]];
      },
    );
    if (notes.length === 0) return undefined;
    return { ...record, members: { ...record.members, ...Object.fromEntries(notes) } };
  }

  /** Stands still as soon as somebody wants the group to end. */
  const goesOn = (groupId: string): boolean =>
    !signal.aborted && index.get(groupId)?.record.cancel === undefined;

  function* missing(record: GroupRecord, standing: Standing, full: ReadonlySet<string>) {
    let left = PER_TURN;
    for (const { member, missing: wanted, size = 0 } of standing.members) {
      for (let place = 0, found = 0; found < wanted && place < size; place += 1) {
        if (full.has(member.name)) break;
        if (index.child(record.id, member.name, place) !== undefined) continue;
        found += 1;
        if (left === 0 || !goesOn(record.id)) return;
        left -= 1;
        yield { member, place };
      }
    }
  }

  function* childrenThat(record: GroupRecord, wanted: (child: Child) => boolean): Iterable<Child> {
    for (const child of index.children(record.id)) if (wanted(child)) yield child;
  }

  /** Adds the members to `full` that there is no room for. */
  async function makeMissing(record: GroupRecord, standing: Standing, full: Set<string>) {
    await inLanes(missing(record, standing, full), LANES, async ({ member, place }) => {
      const wasMade = await hadRoom(async () => {
        const { isStored, ...made } = await children.make(record, member, place);
        index.jobMade(record.id, { ...made, member: member.name, index: place }, isStored);
      });
      if (!wasMade) full.add(member.name);
    });
  }

  async function retryStale(record: GroupRecord, full: Set<string>): Promise<void> {
    const byName = new Map(record.spec.members.map((member) => [member.name, member]));
    await inLanes(
      childrenThat(record, (child) => isStale(child, record) && goesOn(record.id)),
      LANES,
      async ({ member, index: place }) => {
        const of = byName.get(member);
        if (of === undefined) return;
        if (!(await hadRoom(() => children.retry(record, of, place)))) full.add(member);
      },
    );
  }

  async function cancelLive(record: GroupRecord): Promise<void> {
    await inLanes(
      childrenThat(record, ({ job, state }) => !isFinal(state) && !board.get(job)?.cancelRequested),
      LANES,
      ({ job }) => children.cancel(record, job),
    );
  }

  /** Resolves to the names of the members that there was no room for. */
  async function work({ record }: KnownGroup): Promise<ReadonlySet<string>> {
    const full = new Set<string>();
    if (record.cancel !== undefined) {
      await cancelLive(record);
      return full;
    }
    const standing = index.standing(record);
    await makeMissing(record, standing, full);
    if (standing.members.some(({ stale }) => stale > 0)) await retryStale(record, full);
    return full;
  }

  /** Jobs that are missing may only be late: what is judged then is the truth. */
  async function certain(record: GroupRecord): Promise<Standing> {
    const standing = index.standing(record);
    if (!standing.members.some((member) => hasVanished(record, member))) return standing;
    await deps.caughtUp();
    return index.standing(record);
  }

  return async (groupId: string): Promise<Next> => {
    const known = index.get(groupId);
    if (known === undefined || isOverGroup(known.record.state)) return "change";
    const watched = await monitor.look(known.record);
    if (watched !== known.record) return write(known, watched);
    const { record } = known;
    if (record.state === "queued" && record.cancel === undefined)
      return (await turns.take(record)) ? write(known, begun(record, clock.now())) : "change";
    const ready = prepared(record, index.standing(record));
    if (ready !== undefined) return write(known, ready);
    const full = await work(known);
    const standing = await certain(record);
    const news = settled(record, standing, clock.now());
    if (news !== record) return write(known, news);
    if (!goesOn(groupId)) return "change";
    const isLeft = standing.members.some(
      ({ member, missing: more }) => more > 0 && !full.has(member.name),
    );
    return isLeft ? "step" : full.size > 0 ? "room" : "change";
  };
}

function hasVanished(
  record: GroupRecord,
  { member, counts, size = 0 }: Standing["members"][number],
) {
  const note = record.members[member.name];
  if (note?.made === undefined || note.ended !== undefined) return false;
  return Object.values(counts).reduce((sum, count) => sum + count, 0) < size;
}

/** True when there was room for it. */
async function hadRoom(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (hasCode(error, ...NO_ROOM)) return false;
    throw error;
  }
}
