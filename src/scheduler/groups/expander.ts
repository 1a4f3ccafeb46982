// The leader's duty that makes groups go on: makes the jobs whose turn has come, ends and retries them, and notes what is certain.
//
// A change of a group or of one of its jobs wakes it. Everything it writes follows from what stands in the streams,
// so that a new leader goes on where the last one stopped: jobs are named by their place, records change by compare-and-set.
import { hasCode } from "../../shared/errors.ts";
import { isOverGroup, type GroupRecord } from "../../shared/group.ts";
import { begun } from "../../shared/group-machine.ts";
import { settled, type Standing } from "../../shared/group-progress.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import type { GroupStore } from "../../shared/io/group-store.ts";
import type { Log } from "../../shared/io/log.ts";
import { isFinal } from "../../shared/job.ts";
import { createBell } from "../bell.ts";
import type { Board } from "../core/board.ts";
import type { Duty } from "../duties.ts";
import { chooseWorkers } from "./choose-workers.ts";
import type { Children } from "./children.ts";
import { isStale, type Child, type GroupIndex, type KnownGroup } from "./group-index.ts";
import { inLanes } from "./lanes.ts";
import type { Monitor } from "./monitor.ts";
import type { Turns } from "./turns.ts";

export type ExpanderDeps = {
  index: GroupIndex;
  /** Resolves when everything that the broker holds of groups and, after that, of jobs is known. */
  caughtUp: () => Promise<void>;
  groups: GroupStore;
  children: Children;
  board: Pick<Board, "get" | "workers">;
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
          if (await step(groupId)) mark(groupId);
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

/** Makes one step with a group; resolves to true when another is to follow at once. */
function createStep(deps: ExpanderDeps, signal: AbortSignal) {
  const { index, groups, children, board, turns, monitor, clock } = deps;

  /** Losing the race means that the feed brings what somebody else made of the record. */
  async function write({ seq }: KnownGroup, record: GroupRecord): Promise<boolean> {
    try {
      index.groupChanged(record, await groups.write(record, seq));
      return true;
    } catch (error) {
      if (hasCode(error, "lost_race")) return false;
      throw error;
    }
  }

  function chosen(record: GroupRecord, { members }: Standing): GroupRecord | undefined {
    const choosing = members.filter(({ choosing: now }) => now);
    if (choosing.length === 0) return undefined;
    const workers = board.workers(clock.mono());
    const notes = choosing.map(({ member }) => [
      member.name,
      { ...record.members[member.name], chosen: chooseWorkers(member, workers) },
    ]);
    return { ...record, members: { ...record.members, ...Object.fromEntries(notes) } };
  }

  /** Stands still as soon as somebody wants the group to end. */
  const goesOn = (groupId: string): boolean =>
    !signal.aborted && index.get(groupId)?.record.cancel === undefined;

  function* missing(record: GroupRecord, standing: Standing) {
    let left = PER_TURN;
    for (const { member, missing: wanted, size = 0 } of standing.members) {
      for (let place = 0, found = 0; found < wanted && place < size; place += 1) {
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

  async function makeMissing(record: GroupRecord, standing: Standing): Promise<void> {
    await inLanes(missing(record, standing), LANES, async ({ member, place }) => {
      const { job, state } = await children.make(record, member, place);
      index.jobMade(record.id, { job, member: member.name, index: place, state });
    });
  }

  async function retryStale(record: GroupRecord): Promise<void> {
    const byName = new Map(record.spec.members.map((member) => [member.name, member]));
    await inLanes(
      childrenThat(record, (child) => isStale(child, record) && goesOn(record.id)),
      LANES,
      async ({ member, index: place }) => {
        const of = byName.get(member);
        if (of !== undefined) await children.retry(record, of, place);
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

  async function work(known: KnownGroup): Promise<void> {
    const { record } = known;
    if (record.cancel !== undefined) return cancelLive(record);
    const standing = index.standing(record);
    await makeMissing(record, standing);
    if (standing.members.some(({ stale }) => stale > 0)) await retryStale(record);
  }

  /** Jobs that are missing may only be late: what is judged then is the truth. */
  async function certain(record: GroupRecord): Promise<Standing> {
    const standing = index.standing(record);
    if (!standing.members.some((member) => hasVanished(record, member))) return standing;
    await deps.caughtUp();
    return index.standing(record);
  }

  return async (groupId: string): Promise<boolean> => {
    const known = index.get(groupId);
    if (known === undefined || isOverGroup(known.record.state)) return false;
    const watched = await monitor.look(known.record);
    if (watched !== known.record) return write(known, watched);
    const { record } = known;
    if (record.state === "queued" && record.cancel === undefined)
      return (await turns.take(record)) && write(known, begun(record, clock.now()));
    const choice = chosen(record, index.standing(record));
    if (choice !== undefined) return write(known, choice);
    await work(known);
    const standing = await certain(record);
    const news = settled(record, standing, clock.now());
    if (news !== record) return write(known, news);
    return standing.members.some(({ missing: more }) => more > 0) && goesOn(groupId);
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
