// Lanes and stands: who stands where among those that could start now.
//
// A lane is the line of one shape, one priority and one key. Its rank is the age of its first job; a key that was given a start
// counts as if its next job had come only then, so that the keys take turns and many jobs of one do not hold up another.
// A stand is what the lanes of one shape have together at one level (their priority, raised by waiting): when no worker can
// take the shape it goes as a whole.
import { isOlder, waitsSince, type JobEntry } from "./entry.ts";
import { createHeap, type Heap } from "./heap.ts";
import type { KeyRow } from "./key-row.ts";
import { createLine, type Line } from "./line.ts";
import type { Shape } from "./shape.ts";
import type { QueueRow } from "./tables.ts";

export const TOP_LEVEL = 9;

export type Work = {
  readonly shape: Shape;
  readonly queue: QueueRow;
  readonly lanes: Map<string | number, Lane>;
  readonly stands: Map<number, Stand>;
  /** stuck: no worker can take the shape · parked: its queue admits nobody */
  state: "ready" | "stuck" | "parked";
};

export type Lane = {
  readonly work: Work;
  readonly key: KeyRow | undefined;
  readonly line: Line;
  /** Absent while nobody waits or its key is busy. */
  stand: Stand | undefined;
  /** Who stood first when it was last put in order, and its rank then. */
  head: JobEntry | undefined;
  at: number;
  turn: number;
  /** When its level is to be looked at again. */
  climbsAt: number;
};

export type Stand = {
  readonly work: Work;
  readonly level: number;
  readonly lanes: Heap<Lane>;
  /** Absent while it has none. */
  first: Lane | undefined;
};

export const newWork = (shape: Shape, queue: QueueRow): Work => ({
  shape,
  queue,
  lanes: new Map(),
  stands: new Map(),
  state: "ready",
});

export const newLane = (work: Work, priority: number, key: KeyRow | undefined): Lane => ({
  work,
  key,
  line: createLine(priority),
  stand: undefined,
  head: undefined,
  at: 0,
  turn: 0,
  climbsAt: Infinity,
});

/** Where the job's lane is found among those of its work. */
export const laneName = ({ priority, key }: JobEntry): string | number =>
  key === undefined ? priority : `${priority} ${key}`;

export function standAt(work: Work, level: number): Stand {
  const known = work.stands.get(level);
  if (known) return known;
  const stand: Stand = { work, level, lanes: createHeap(goesFirst), first: undefined };
  work.stands.set(level, stand);
  return stand;
}

/** Takes the rank from who is first now. */
export function rank(lane: Lane, head: JobEntry): void {
  const { key } = lane;
  const takesTurns = key !== undefined && key.servedAt >= head.submittedAt;
  lane.head = head;
  lane.at = takesTurns ? key.servedAt : head.submittedAt;
  lane.turn = takesTurns ? key.turn : 0;
}

export const goesFirst = (a: Lane, b: Lane): boolean =>
  (a.at - b.at || a.turn - b.turn || (isOlder(a.head as JobEntry, b.head as JobEntry) ? -1 : 1)) <
  0;

/** The job's priority, raised by one for each time that the queue's `ageing` has passed. */
export function levelOf(entry: JobEntry, { rules: { ageingMs } }: QueueRow, now: number): number {
  const raised = Math.floor(Math.max(0, now - waitsSince(entry)) / ageingMs);
  return Math.min(TOP_LEVEL, entry.priority + raised);
}

/** When the job's level rises next. */
export const risesAt = (
  entry: JobEntry,
  { rules: { ageingMs } }: QueueRow,
  level: number,
): number =>
  level >= TOP_LEVEL ? Infinity : waitsSince(entry) + (level - entry.priority + 1) * ageingMs;
