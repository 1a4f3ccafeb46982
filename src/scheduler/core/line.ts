// A line: the jobs of one shape and one priority that could start now, oldest first.
import { createHeap, type Heap } from "./heap.ts";
import { isOlder, type JobEntry } from "./entry.ts";

export type Line = {
  readonly priority: number;
  /** Jobs that wait in it. */
  readonly size: number;
  add(entry: JobEntry): void;
  /** Says that a job of this line waits no longer; whoever asks for the head will not see it again. */
  drop(): void;
  head(): JobEntry | undefined;
  /** How many jobs stand before this one. */
  ahead(entry: JobEntry): number;
};

const SLACK = 64;
const waits = (entry: JobEntry): boolean => entry.spot === "line";

/** New jobs come in order and stand in an array; those that come back (retries) stand in a heap beside it. Who left is skipped later. */
export function createLine(priority: number): Line {
  let arrived: JobEntry[] = [];
  let start = 0;
  let size = 0;
  /** Most lines never need it, and there may be one for each key. */
  let returned: Heap<JobEntry> | undefined;

  function compact(): void {
    if (arrived.length - start > 2 * size + SLACK || start > arrived.length / 2 + SLACK) {
      arrived = arrived
        .slice(start)
        .filter((entry, i, all) => waits(entry) && entry !== all[i - 1]);
      start = 0;
    }
    if (returned && returned.size > 2 * size + SLACK)
      for (const entry of returned.items().filter((each) => !waits(each))) returned.delete(entry);
  }

  function firstArrived(): JobEntry | undefined {
    while (start < arrived.length && !waits(arrived[start] as JobEntry)) start += 1;
    return arrived[start];
  }

  function firstReturned(): JobEntry | undefined {
    for (let entry = returned?.peek(); entry !== undefined; entry = returned?.peek()) {
      if (waits(entry)) return entry;
      returned?.delete(entry);
    }
    return undefined;
  }

  return {
    priority,
    get size() {
      return size;
    },
    add(entry) {
      size += 1;
      const last = arrived.at(-1);
      if (last === undefined || isOlder(last, entry)) arrived.push(entry);
      else (returned ??= createHeap(isOlder)).put(entry);
    },
    drop() {
      size -= 1;
      compact();
    },
    head() {
      const a = firstArrived();
      const b = firstReturned();
      if (a === undefined || b === undefined) return a ?? b;
      return isOlder(b, a) ? b : a;
    },
    ahead(entry) {
      const before = new Set<JobEntry>();
      for (const list of [arrived.slice(start), returned?.items() ?? []])
        for (const other of list) if (waits(other) && isOlder(other, entry)) before.add(other);
      return before.size;
    },
  };
}
