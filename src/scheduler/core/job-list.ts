// All jobs in submit order, for listing them newest first with a cursor that stays good while jobs come and go.
import type { JobEntry } from "./entry.ts";

/** A place between jobs: what comes after it in a listing was submitted before it. */
export type ListCursor = { at: number; id: string };

export type JobList = {
  add(entry: JobEntry): void;
  /** Some job has left the index. */
  removed(): void;
  /** Newest first, beginning behind the cursor. */
  newestFirst(before?: ListCursor): Iterable<JobEntry>;
};

/** Steps that a late comer is moved back at once; one that is later still makes the list sort itself when it is read next. */
const NEAR = 64;
const SLACK = 1_024;

export function createJobList(): JobList {
  let entries: JobEntry[] = [];
  let gone = 0;
  let sorted = true;

  function insert(entry: JobEntry): void {
    let place = entries.push(entry) - 1;
    for (let steps = 0; sorted && place > 0; steps += 1, place -= 1) {
      const previous = entries[place - 1] as JobEntry;
      if (compare(previous, entry) < 0) return;
      if (steps === NEAR) sorted = false;
      entries[place] = previous;
      entries[place - 1] = entry;
    }
  }

  return {
    add: insert,
    removed() {
      gone += 1;
      if (gone < entries.length / 2 + SLACK) return;
      entries = entries.filter(isKnown);
      gone = 0;
    },
    *newestFirst(before) {
      if (!sorted) entries.sort(compare);
      sorted = true;
      const all = entries;
      for (let place = before ? firstNotBefore(all, before) : all.length; place > 0; place -= 1) {
        const entry = all[place - 1] as JobEntry;
        if (isKnown(entry)) yield entry;
      }
    },
  };
}

const isKnown = (entry: JobEntry): boolean => entry.spot !== "gone";

const compare = (a: JobEntry, b: JobEntry): number =>
  a.submittedAt - b.submittedAt || (a.id < b.id ? -1 : 1);

/** Index of the first entry that does not stand before the cursor. */
function firstNotBefore(entries: readonly JobEntry[], { at, id }: ListCursor): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle] as JobEntry;
    if (entry.submittedAt < at || (entry.submittedAt === at && entry.id < id)) low = middle + 1;
    else high = middle;
  }
  return low;
}
