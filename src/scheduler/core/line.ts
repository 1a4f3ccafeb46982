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
class JobLine implements Line {
  readonly priority: number;
  #size = 0;
  #arrived: JobEntry[] = [];
  #start = 0;
  /** Most lines never need it, and there may be one for each key. */
  #returned: Heap<JobEntry> | undefined;

  constructor(priority: number) {
    this.priority = priority;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: JobEntry): void {
    this.#size += 1;
    const last = this.#arrived.at(-1);
    if (last === undefined || isOlder(last, entry)) this.#arrived.push(entry);
    else (this.#returned ??= createHeap(isOlder)).put(entry);
  }

  drop(): void {
    this.#size -= 1;
    this.#compact();
  }

  head(): JobEntry | undefined {
    const a = this.#firstArrived();
    const b = this.#firstReturned();
    if (a === undefined || b === undefined) return a ?? b;
    return isOlder(b, a) ? b : a;
  }

  ahead(entry: JobEntry): number {
    const before = new Set<JobEntry>();
    for (const list of [this.#arrived.slice(this.#start), this.#returned?.items() ?? []])
      for (const other of list) if (waits(other) && isOlder(other, entry)) before.add(other);
    return before.size;
  }

  #compact(): void {
    const { length } = this.#arrived;
    if (length - this.#start > 2 * this.#size + SLACK || this.#start > length / 2 + SLACK) {
      this.#arrived = this.#arrived
        .slice(this.#start)
        .filter((entry, i, all) => waits(entry) && entry !== all[i - 1]);
      this.#start = 0;
    }
    const returned = this.#returned;
    if (returned && returned.size > 2 * this.#size + SLACK)
      for (const entry of returned.items().filter((each) => !waits(each))) returned.delete(entry);
  }

  #firstArrived(): JobEntry | undefined {
    const arrived = this.#arrived;
    while (this.#start < arrived.length && !waits(arrived[this.#start] as JobEntry))
      this.#start += 1;
    return arrived[this.#start];
  }

  #firstReturned(): JobEntry | undefined {
    const returned = this.#returned;
    for (let entry = returned?.peek(); entry !== undefined; entry = returned?.peek()) {
      if (waits(entry)) return entry;
      returned?.delete(entry);
    }
    return undefined;
  }
}

/** A class, since there may be a line for each of many keys, and closures cost each of them again. */
export const createLine = (priority: number): Line => new JobLine(priority);
