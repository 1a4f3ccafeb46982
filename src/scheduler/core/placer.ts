// Picks who goes next and where: by priority, then age, over all queues; a job that cannot go does not hold up the others.
//
// Jobs of one shape share their fate: when no worker can take the shape it is stuck, and only a worker that got better wakes it.
// Those of a full or paused queue, or of one whose rate is used up, are parked until the queue admits again.
// A key at its limit keeps its lanes out of the way until an attempt of it ends.
import { isOlder, type JobEntry } from "./entry.ts";
import { createHeap, type Heap } from "./heap.ts";
import { isBusy, keyOf, type KeyRow } from "./key-row.ts";
import {
  goesFirst,
  laneName,
  levelOf,
  newLane,
  newWork,
  rank,
  risesAt,
  standAt,
  TOP_LEVEL,
  type Lane,
  type Stand,
  type Work,
} from "./lane.ts";
import type { Line } from "./line.ts";
import { createRankings } from "./ranking.ts";
import { opensAt } from "./rate.ts";
import { createReservations } from "./reservations.ts";
import { freeSlots, type Row } from "./row.ts";
import { fits, type Shape } from "./shape.ts";
import { addTo, admits, queueRow, removeFrom, type QueueRow, type Tables } from "./tables.ts";

export type Placer = {
  /** The job waits from now on (`spot` is "line"). */
  add(entry: JobEntry): void;
  /** The job, which waited, waits no longer (`spot` is something else). */
  drop(entry: JobEntry): void;
  /** No job has the shape any more. */
  forget(shape: Shape): void;
  /** The worker may be able to take something that it could not take before. */
  improved(row: Row): void;
  /** The worker is gone, or what it bears is about to change. */
  removed(row: Row): void;
  /** An attempt of the job has begun. */
  began(entry: JobEntry, at: number): void;
  /** An attempt of the job is over: its queue and its key may admit again. */
  ended(entry: JobEntry): void;
  /** The queue's rules are others now. */
  ruled(queue: QueueRow): void;
  /** The next job and its worker; the same again until one of them is changed. */
  next(now: number, mono: number): { entry: JobEntry; row: Row } | undefined;
  /** Epoch ms at which the rate of a queue that holds jobs back lets the next one start. */
  opensAt(): number | undefined;
  linesOf(queue: string): Iterable<Line>;
  /** How many jobs with the same needs and the same key go before this one. */
  ahead(entry: JobEntry): number;
};

export function createPlacer(tables: Tables): Placer {
  const works = new Map<Shape, Work>();
  const worksByAnchor = new Map<string, Set<Work>>();
  const lanesByKey = new Map<KeyRow, Set<Lane>>();
  const ready: Heap<Stand>[] = Array.from({ length: TOP_LEVEL + 1 }, () =>
    createHeap<Stand>((a, b) => goesFirst(a.first as Lane, b.first as Lane)),
  );
  /** Lanes that rise to the next level by waiting; one may stand here too early, never too late. */
  const climbing = createHeap<Lane>((a, b) => a.climbsAt < b.climbsAt);
  const parked = new Map<QueueRow, Set<Work>>();
  /** Queues that are parked until their rate admits again. */
  const openings = new Map<QueueRow, number>();
  const better = new Set<Row>();
  const rankings = createRankings(tables);
  const levelNow = (entry: JobEntry): number =>
    levelOf(entry, queueRow(tables, entry.shape.queue), time);
  const reservations = createReservations(tables, levelNow, (row) => better.add(row));
  /** Epoch ms as far as it was told. */
  let time = -Infinity;
  let turns = 0;

  function workOf(shape: Shape): Work {
    const known = works.get(shape);
    if (known) return known;
    const work = newWork(shape, queueRow(tables, shape.queue));
    works.set(shape, work);
    addTo(worksByAnchor, shape.anchor, work);
    return work;
  }

  function laneOf(entry: JobEntry): Lane {
    const work = workOf(entry.shape);
    const name = laneName(entry);
    const known = work.lanes.get(name);
    if (known) return known;
    const lane = newLane(work, entry.priority, keyOf(tables, entry));
    work.lanes.set(name, lane);
    if (lane.key) addTo(lanesByKey, lane.key, lane);
    return lane;
  }

  /** Puts the stand where its first lane belongs among the others, or away. */
  function show(stand: Stand): void {
    const heap = ready[stand.level] as Heap<Stand>;
    stand.first = stand.lanes.peek();
    if (stand.first !== undefined && stand.work.state === "ready") heap.put(stand);
    else heap.delete(stand);
  }

  function withdraw(lane: Lane): void {
    const { stand } = lane;
    if (stand === undefined) return;
    lane.stand = undefined;
    stand.lanes.delete(lane);
    show(stand);
  }

  /** Puts the lane where its head belongs, or away when nobody waits or may start. */
  function offer(lane: Lane): void {
    const { work, line, key } = lane;
    const head = line.head();
    if (head === undefined || isBusy(key)) return withdraw(lane);
    const level = levelOf(head, work.queue, time);
    if (lane.stand?.level !== level) withdraw(lane);
    rank(lane, head);
    lane.stand ??= standAt(work, level);
    lane.stand.lanes.put(lane);
    show(lane.stand);
    const climbsAt = risesAt(head, work.queue, level);
    if (climbsAt === Infinity || (climbing.has(lane) && climbsAt >= lane.climbsAt)) return;
    lane.climbsAt = climbsAt;
    climbing.put(lane);
  }

  /** Nobody waits in it: a lane of a key may never be needed again. */
  function discard(lane: Lane): void {
    withdraw(lane);
    climbing.delete(lane);
    if (lane.key) removeFrom(lanesByKey, lane.key, lane);
  }

  function setState(work: Work, state: Work["state"]): void {
    work.state = state;
    for (const stand of work.stands.values()) show(stand);
  }

  function unpark(queue: QueueRow): void {
    const waiting = parked.get(queue) ?? [];
    parked.delete(queue);
    openings.delete(queue);
    for (const work of waiting) setState(work, "ready");
  }

  /** Lets the workers that got better into the rankings, and wakes the shapes that they could serve. */
  function takeInBetter(): void {
    for (const row of better)
      for (const anchor of row.anchors)
        for (const work of worksByAnchor.get(anchor) ?? []) {
          rankings.refresh(work.shape, row);
          if (work.state === "stuck" && couldServe(work.shape, row)) setState(work, "ready");
        }
    better.clear();
  }

  /** Does what is due by the clock alone. */
  function advance(now: number): void {
    time = now;
    for (const [queue, at] of openings) if (at <= now) unpark(queue);
    for (let lane = climbing.peek(); lane && lane.climbsAt <= now; lane = climbing.peek()) {
      climbing.delete(lane);
      offer(lane);
      // a kept worker may be taken by a higher level
      if (lane.work.state === "stuck" && reservations.any()) setState(lane.work, "ready");
    }
  }

  function choose(entry: JobEntry, mono: number): Row | undefined {
    const row = rankings.best(entry.shape, mono, entry.avoid) ?? reservations.takeOver(entry, mono);
    if (row === undefined) reservations.wantedBy(entry, time, mono);
    return row;
  }

  /** True when the queue lets one more attempt start; puts the work away when not. */
  function isAdmitted(work: Work): boolean {
    const { queue } = work;
    const opens = admits(queue) ? opensAt(queue, time) : Infinity;
    if (opens === undefined) return true;
    setState(work, "parked");
    addTo(parked, queue, work);
    if (opens !== Infinity) openings.set(queue, opens);
    return false;
  }

  /** The worker for the stand's first job; changes where it stands when there is none. */
  function serve({ work, first }: Stand, mono: number): Row | undefined {
    const { head, key } = first as Lane;
    if (head?.spot !== "line" || isBusy(key)) {
      offer(first as Lane);
      return undefined;
    }
    if (!isAdmitted(work)) return undefined;
    const row = choose(head, mono);
    if (row === undefined) setState(work, "stuck");
    return row;
  }

  return {
    add(entry) {
      const lane = laneOf(entry);
      lane.line.add(entry);
      // A kept worker may be taken by a higher level, so that the newcomer is worth a look where its shape was stuck.
      if (lane.work.state === "stuck" && reservations.any()) setState(lane.work, "ready");
      if (lane.stand === undefined || isOlder(entry, lane.head as JobEntry)) offer(lane);
    },
    drop(entry) {
      const { lanes } = workOf(entry.shape);
      const lane = lanes.get(laneName(entry)) as Lane;
      lane.line.drop();
      reservations.release(entry);
      if (lane.key === undefined || lane.line.size > 0) return;
      discard(lane);
      lanes.delete(laneName(entry));
    },
    forget(shape) {
      const work = works.get(shape);
      if (!work) return;
      for (const lane of work.lanes.values()) discard(lane);
      removeFrom(parked, work.queue, work);
      works.delete(shape);
      rankings.forget(shape);
      removeFrom(worksByAnchor, shape.anchor, work);
    },
    improved: (row) => void better.add(row),
    removed(row) {
      better.delete(row);
      for (const anchor of row.anchors)
        for (const work of worksByAnchor.get(anchor) ?? []) rankings.remove(work.shape, row);
    },
    began(entry, at) {
      const key = keyOf(tables, entry);
      if (key === undefined) return;
      key.servedAt = Math.max(key.servedAt, at);
      key.turn = turns += 1;
      for (const lane of lanesByKey.get(key) ?? []) offer(lane);
    },
    ended(entry) {
      const queue = queueRow(tables, entry.shape.queue);
      if (admits(queue)) unpark(queue);
      const key = keyOf(tables, entry);
      if (key) for (const lane of lanesByKey.get(key) ?? []) offer(lane);
    },
    ruled(queue) {
      unpark(queue);
      for (const work of works.values())
        if (work.queue === queue) for (const lane of work.lanes.values()) offer(lane);
    },
    next(now, mono) {
      advance(now);
      takeInBetter();
      for (let level = TOP_LEVEL; level >= 0; level -= 1) {
        const heap = ready[level] as Heap<Stand>;
        for (let stand = heap.peek(); stand !== undefined; stand = heap.peek()) {
          const row = serve(stand, mono);
          if (row) return { entry: stand.first?.head as JobEntry, row };
        }
      }
      return undefined;
    },
    opensAt: () => (openings.size === 0 ? undefined : Math.min(...openings.values())),
    *linesOf(queue) {
      for (const work of works.values())
        if (work.shape.queue === queue) for (const lane of work.lanes.values()) yield lane.line;
    },
    ahead(entry) {
      let ahead = 0;
      const key = keyOf(tables, entry);
      for (const lane of works.get(entry.shape)?.lanes.values() ?? []) {
        const head = lane.line.head();
        if (lane.key !== key || head === undefined) continue;
        const { priority } = lane.line;
        if (priority === entry.priority) ahead += lane.line.ahead(entry);
        else if (levelNow(head) > levelNow(entry)) ahead += lane.line.size;
      }
      return ahead;
    },
  };
}

/** Large jobs look again whenever a worker gets better at all, since that is when a worker may be kept for them. */
const couldServe = (shape: Shape, row: Row): boolean =>
  row.beat !== undefined &&
  (shape.slots > 1 || freeSlots(row) >= shape.slots) &&
  fits(shape, row.beat);
