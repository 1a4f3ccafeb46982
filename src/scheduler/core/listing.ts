// One page of a listing: the jobs that pass the filters, in one of the orders, as far as the page reaches.
import type { Labels } from "../../shared/constraints.ts";
import type { JobState } from "../../shared/job.ts";
import { shownState, type JobEntry } from "./entry.ts";
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

/**
 * An order by time begins and ends at the bounds; by length of the run, each job is asked for its own.
 * No more than `known` jobs have the state and queue that are asked for: when all of them were seen, no other is looked at.
 */
export function findJobs(list: JobList, query: ListQuery, known = Infinity): Found {
  const { sort = "submitted", limit, from = -Infinity, to = Infinity } = query;
  const byTime = sort !== "duration";
  const before = query.before ?? (byTime && to < Infinity ? { at: to, id: "" } : undefined);
  const passes = testOf(query);
  const found: Found = { entries: [], looked: 0 };
  let unseen = known;
  if (unseen === 0) return found;

  list.walk(sort, before, (entry) => {
    if (byTime && sortKey(sort, entry) < from) return true;
    found.looked += 1;
    if (!isOf(entry, query)) return false;
    unseen -= 1;
    const isWithin = byTime || (entry.submittedAt >= from && entry.submittedAt < to);
    if (!isWithin || !passes(entry)) return unseen === 0;
    const last = found.entries.at(-1);
    if (found.entries.length >= limit && last) {
      found.next = { at: sortKey(sort, last), id: last.id };
      return true;
    }
    found.entries.push(entry);
    return unseen === 0;
  });
  return found;
}

const isOf = (entry: JobEntry, { state, queue }: ListQuery): boolean =>
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
