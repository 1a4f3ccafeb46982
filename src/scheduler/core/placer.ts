// Picks who goes next and where: by priority, then age, over all queues; a job that cannot go does not hold up the others.
//
// Lines of one shape share their fate: when no worker can take the shape it is stuck, and only a worker that got better wakes it.
// Lines of a full or paused queue are parked until the queue admits again. What is neither is ready.
import { isOlder, type JobEntry } from "./entry.ts";
import { createHeap, type Heap } from "./heap.ts";
import { createLine, type Line } from "./line.ts";
import { createRanking, type Ranking } from "./ranking.ts";
import { createReservations } from "./reservations.ts";
import { freeSlots, type Row } from "./row.ts";
import { fits, type Shape } from "./shape.ts";
import { addTo, admits, queueRow, removeFrom, type Tables } from "./tables.ts";

const PRIORITIES = 10;
/** Rankings kept; the one used least recently is given up first and built again when needed. */
const MAX_RANKINGS = 256;

/** A line that may be asked; `head` is who stood first when it was last put in order. */
type Lane = { readonly work: Work; readonly line: Line; head: JobEntry | undefined };

type Work = { readonly shape: Shape; readonly lanes: Map<number, Lane>; stuck: boolean };

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
  /** The queue may admit again. */
  reopened(queue: string): void;
  /** The next job and its worker; the same again until one of them is changed. */
  next(now: number, mono: number): { entry: JobEntry; row: Row } | undefined;
  linesOf(queue: string): Iterable<Line>;
  linesLike(shape: Shape): Line[];
};

export function createPlacer(tables: Tables): Placer {
  const works = new Map<Shape, Work>();
  const worksByAnchor = new Map<string, Set<Work>>();
  const rankings = new Map<Shape, Ranking>();
  const ready: Heap<Lane>[] = Array.from({ length: PRIORITIES }, () =>
    createHeap<Lane>((a, b) => isOlder(a.head as JobEntry, b.head as JobEntry)),
  );
  const parked = new Map<string, Set<Lane>>();
  const better = new Set<Row>();
  const reservations = createReservations(tables, (row) => better.add(row));

  function workOf(shape: Shape): Work {
    const known = works.get(shape);
    if (known) return known;
    const work: Work = { shape, lanes: new Map(), stuck: false };
    works.set(shape, work);
    addTo(worksByAnchor, shape.anchor, work);
    return work;
  }

  function laneOf(entry: JobEntry): Lane {
    const work = workOf(entry.shape);
    const known = work.lanes.get(entry.priority);
    if (known) return known;
    const lane: Lane = { work, line: createLine(entry.priority), head: undefined };
    work.lanes.set(entry.priority, lane);
    return lane;
  }

  const readyOf = (lane: Lane): Heap<Lane> => ready[lane.line.priority] as Heap<Lane>;

  /** Puts the lane where its head belongs, or away when nobody waits. */
  function offer(lane: Lane): void {
    const heap = readyOf(lane);
    const head = lane.line.head();
    if (head === undefined) return heap.delete(lane);
    lane.head = head;
    heap.put(lane);
  }

  function unstick(work: Work): void {
    work.stuck = false;
    for (const lane of work.lanes.values()) offer(lane);
  }

  function rankingOf(shape: Shape): Ranking {
    const ranking = rankings.get(shape) ?? newRanking(shape);
    rankings.delete(shape);
    rankings.set(shape, ranking);
    const [oldest] = rankings.keys();
    if (rankings.size > MAX_RANKINGS && oldest) rankings.delete(oldest);
    return ranking;
  }

  function newRanking(shape: Shape): Ranking {
    const ranking = createRanking(shape);
    for (const row of tables.byAnchor.get(shape.anchor) ?? []) ranking.refresh(row);
    return ranking;
  }

  /** Lets the workers that got better into the rankings, and wakes the shapes that they could serve. */
  function takeInBetter(): void {
    for (const row of better)
      for (const anchor of row.anchors)
        for (const work of worksByAnchor.get(anchor) ?? []) {
          rankings.get(work.shape)?.refresh(row);
          if (work.stuck && couldServe(work.shape, row)) unstick(work);
        }
    better.clear();
  }

  function choose(entry: JobEntry, now: number, mono: number): Row | undefined {
    const row =
      rankingOf(entry.shape).best(mono, entry.avoid) ?? reservations.takeOver(entry, mono);
    if (row === undefined) reservations.wantedBy(entry, now, mono);
    return row;
  }

  /** The worker for the lane's head; puts the lane away when there is none. */
  function serve(lane: Lane, now: number, mono: number): Row | undefined {
    const { work, head } = lane;
    if (head?.spot !== "line") {
      offer(lane);
      return undefined;
    }
    const queue = queueRow(tables, work.shape.queue);
    const row = !work.stuck && admits(queue) ? choose(head, now, mono) : undefined;
    if (row) return row;
    readyOf(lane).delete(lane);
    if (work.stuck) return undefined;
    if (admits(queue)) work.stuck = true;
    else addTo(parked, queue.name, lane);
    return undefined;
  }

  return {
    add(entry) {
      const lane = laneOf(entry);
      lane.line.add(entry);
      // A kept worker may be taken by a higher priority, so that the newcomer is worth a look where its shape was stuck.
      if (lane.work.stuck && reservations.any()) return unstick(lane.work);
      if (!readyOf(lane).has(lane) || isOlder(entry, lane.head as JobEntry)) offer(lane);
    },
    drop(entry) {
      laneOf(entry).line.drop();
      reservations.release(entry);
    },
    forget(shape) {
      const work = works.get(shape);
      if (!work) return;
      for (const lane of work.lanes.values()) {
        readyOf(lane).delete(lane);
        removeFrom(parked, shape.queue, lane);
      }
      works.delete(shape);
      rankings.delete(shape);
      removeFrom(worksByAnchor, shape.anchor, work);
    },
    improved: (row) => void better.add(row),
    removed(row) {
      better.delete(row);
      for (const anchor of row.anchors)
        for (const work of worksByAnchor.get(anchor) ?? []) rankings.get(work.shape)?.remove(row);
    },
    reopened(queue) {
      const lanes = parked.get(queue);
      if (!lanes || !admits(queueRow(tables, queue))) return;
      parked.delete(queue);
      for (const lane of lanes) offer(lane);
    },
    next(now, mono) {
      takeInBetter();
      for (let priority = PRIORITIES - 1; priority >= 0; priority -= 1) {
        const heap = ready[priority] as Heap<Lane>;
        for (let lane = heap.peek(); lane !== undefined; lane = heap.peek()) {
          const row = serve(lane, now, mono);
          if (row) return { entry: lane.head as JobEntry, row };
        }
      }
      return undefined;
    },
    *linesOf(queue) {
      for (const work of works.values())
        if (work.shape.queue === queue) for (const lane of work.lanes.values()) yield lane.line;
    },
    linesLike: (shape) => [...(works.get(shape)?.lanes.values() ?? [])].map(({ line }) => line),
  };
}

/** Large jobs look again whenever a worker gets better at all, since that is when a worker may be kept for them. */
const couldServe = (shape: Shape, row: Row): boolean =>
  row.beat !== undefined &&
  (shape.slots > 1 || freeSlots(row) >= shape.slots) &&
  fits(shape, row.beat);
