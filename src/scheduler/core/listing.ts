// One page of a listing: the jobs that pass the filters, in one of the orders, as far as the page reaches.
import type { Labels } from "../../shared/constraints.ts";
import type { JobState } from "../../shared/job.ts";
import { isOver, shownState, type JobEntry } from "./entry.ts";
import { sortKey, type JobList, type JobSort, type ListCursor } from "./job-list.ts";

export type ListQuery = {
  state?: JobState;
  queue?: string;
  /** Name of the definition that the job was made from. */
  definition?: string;
  /** A label that the job bears: its key, or key and value. */
  label?: { key: string; value?: string };
  handler?: string;
  /** Id of the worker that has, or had, the newest attempt. */
  worker?: string;
  /** Exit code of the newest attempt. */
  exitCode?: number;
  /** Epoch ms of the submit, or of the end where that is what is sorted by: the first that counts, and the first that no longer does. */
  from?: number;
  to?: number;
  /** Only jobs of this tenant. */
  namespace?: string;
  /** Default `submitted`. */
  sort?: JobSort;
  before?: ListCursor;
  limit: number;
};

export type Found = {
  entries: JobEntry[];
  /** Where the next page begins; absent on the last. */
  next?: ListCursor;
  /** Jobs that were looked at. */
  looked: number;
};

/** Jobs looked at in the order that was asked for, before all are gone through as they lie in memory, which is several times faster. */
const WALK = 5_000;

/**
 * An order by time begins and ends at the bounds; by length of the run, each job is asked for its own.
 * No more than `known` jobs have the state and queue that are asked for: when all of them were seen, no other is looked at.
 */
export function findJobs(list: JobList, query: ListQuery, known = Infinity): Found {
  const { sort = "submitted", to = Infinity } = query;
  const isByTime = sort !== "duration";
  const before = query.before ?? (isByTime && to < Infinity ? { at: to, id: "" } : undefined);
  const search = { ...query, sort, before, isByTime, passes: testOf(query), known };
  if (known === 0) return { entries: [], looked: 0 };
  const { isWhole, ...found } = walkInOrder(list, search);
  if (isWhole) return found;
  const all = goThrough(list, search);
  return { ...all, looked: found.looked + all.looked };
}

type Search = Omit<ListQuery, "before"> & {
  sort: JobSort;
  before: ListCursor | undefined;
  isByTime: boolean;
  passes: (entry: JobEntry) => boolean;
  known: number;
};

/** Not whole when it gave up before the page was full. */
function walkInOrder(list: JobList, search: Search): Found & { isWhole: boolean } {
  const { sort, before, isByTime, limit, from = -Infinity, passes } = search;
  const found: Found & { isWhole: boolean } = { entries: [], looked: 0, isWhole: true };
  let unseen = search.known;
  list.walk(sort, before, (entry) => {
    if (isByTime && sortKey(sort, entry) < from) return true;
    if (found.looked >= WALK && sort !== "submitted") {
      found.isWhole = false;
      return true;
    }
    found.looked += 1;
    if (!isOf(entry, search)) return false;
    unseen -= 1;
    if (!isWithin(entry, search) || !passes(entry)) return unseen === 0;
    const last = found.entries.at(-1);
    if (found.entries.length >= limit && last) {
      found.next = cursorAt(sort, last);
      return true;
    }
    found.entries.push(entry);
    return unseen === 0;
  });
  return found;
}

/** Finds the page among all jobs that are over. */
function goThrough(list: JobList, search: Search): Found {
  const { sort, before, isByTime, limit, from = -Infinity, passes } = search;
  const best: JobEntry[] = [];
  let looked = 0;
  let unseen = search.known;
  list.walk("submitted", undefined, (entry) => {
    looked += 1;
    if (!isOf(entry, search)) return false;
    unseen -= 1;
    const isCandidate =
      isOver(entry) &&
      isWithin(entry, search) &&
      (!isByTime || sortKey(sort, entry) >= from) &&
      (before === undefined || isBelow(sort, entry, before)) &&
      passes(entry);
    if (isCandidate) keepBest(best, entry, sort, limit + 1);
    return unseen === 0;
  });
  const entries = best.slice(0, limit);
  const last = entries.at(-1);
  return { entries, looked, ...(best.length > limit && last && { next: cursorAt(sort, last) }) };
}

const cursorAt = (sort: JobSort, entry: JobEntry): ListCursor => ({
  at: sortKey(sort, entry),
  id: entry.id,
});

function isBelow(sort: JobSort, entry: JobEntry, { at, id }: ListCursor): boolean {
  const own = sortKey(sort, entry);
  return own < at || (own === at && entry.id < id);
}

/** Puts the entry where it belongs among the largest, as long as it is one of so many. */
function keepBest(best: JobEntry[], entry: JobEntry, sort: JobSort, count: number): void {
  const place = best.findLastIndex((other) => isBelow(sort, entry, cursorAt(sort, other))) + 1;
  if (place >= count) return;
  best.splice(place, 0, entry);
  if (best.length > count) best.pop();
}

/** Where the order does not see to the bounds, the job does. */
const isWithin = (
  { submittedAt }: JobEntry,
  { isByTime, from = -Infinity, to = Infinity }: Search,
): boolean => isByTime || (submittedAt >= from && submittedAt < to);

const isOf = (entry: JobEntry, { state, queue }: Pick<ListQuery, "state" | "queue">): boolean =>
  (state === undefined || shownState(entry) === state) &&
  (queue === undefined || entry.shape.queue === queue);

/** The filters beyond state and queue. */
function testOf({ namespace, ...query }: ListQuery): (entry: JobEntry) => boolean {
  const passes = filterOf(query);
  if (namespace === undefined) return passes;
  return (entry) => entry.namespace === namespace && passes(entry);
}

function filterOf({ definition, label, handler, worker, exitCode }: ListQuery) {
  return (entry: JobEntry): boolean =>
    (handler === undefined || entry.shape.handler === handler) &&
    (definition === undefined || entry.definition === definition) &&
    (exitCode === undefined || entry.exitCode === exitCode) &&
    (worker === undefined || (entry.claim?.row.id ?? entry.lastWorker) === worker) &&
    (label === undefined || bears(entry.labels, label));
}

/** True for labels that have the key, and the value where one is named. */
export const bears = (
  labels: Labels = {},
  { key, value }: { key: string; value?: string },
): boolean => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
