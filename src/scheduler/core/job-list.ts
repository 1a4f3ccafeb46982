// All jobs in the orders that they are listed in: by submit, by end, by length of the run.
import { isOver, type JobEntry } from "./entry.ts";
import { createJobOrder, type JobOrder, type Place } from "./job-order.ts";

/** submitted: all jobs, newest first · finished: those that are over, newest end first · duration: the same, longest run first */
export const JOB_SORTS = ["submitted", "finished", "duration"] as const;
export type JobSort = (typeof JOB_SORTS)[number];

/** Where a listing goes on: what comes after it is smaller in the listing's order. */
export type ListCursor = Place;

export type JobList = {
  /** A job that nothing but its submit is known of yet. */
  add(entry: JobEntry): void;
  remove(entry: JobEntry): void;
  /** Applies what changes the job, and keeps it in the orders of the finished while it is one of them. */
  change(entry: JobEntry, act: () => void): void;
  /** Shows the jobs, largest first, beginning behind the cursor, until `visit` says that it has seen enough. */
  walk(sort: JobSort, before: ListCursor | undefined, visit: (entry: JobEntry) => boolean): void;
};

const KEYS = {
  submitted: (entry: JobEntry) => entry.submittedAt,
  finished: (entry: JobEntry) => entry.finishedAt ?? 0,
  duration: (entry: JobEntry) => entry.tookMs ?? 0,
} as const satisfies Record<JobSort, (entry: JobEntry) => number>;

/** What the listing is ordered by. */
export const sortKey = (sort: JobSort, entry: JobEntry): number => KEYS[sort](entry);

export function createJobList(): JobList {
  const orders: Record<JobSort, JobOrder> = {
    submitted: createJobOrder(KEYS.submitted),
    finished: createJobOrder(KEYS.finished),
    duration: createJobOrder(KEYS.duration),
  };
  const ofFinished = [orders.finished, orders.duration];

  function leave(entry: JobEntry): void {
    if (isOver(entry)) for (const order of ofFinished) order.remove(entry);
  }

  return {
    add: (entry) => orders.submitted.add(entry),
    remove(entry) {
      leave(entry);
      orders.submitted.remove(entry);
    },
    change(entry, act) {
      leave(entry);
      act();
      if (isOver(entry)) for (const order of ofFinished) order.add(entry);
    },
    walk: (sort, before, visit) => orders[sort].downFrom(before, visit),
  };
}
