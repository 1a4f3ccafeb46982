// Searches runs: filters and sorts in one pass, a page at a time.
import { workerName } from "../../shared/names.ts";
import { selectPage } from "../groups/select-page.ts";
import type { Run, RunState } from "./run-index.ts";

export const RUN_SORTS = [
  "-submitted",
  "submitted",
  "-finished",
  "finished",
  "-duration",
  "duration",
] as const;
export type RunSort = (typeof RUN_SORTS)[number];

export type RunQuery = {
  state?: RunState | undefined;
  /** Submitted at or after, and before; epoch ms. */
  from?: number | undefined;
  to?: number | undefined;
  exitCode?: number | undefined;
  /** `key` or `key=value`. */
  label?: string | undefined;
  /** Name or id. */
  worker?: string | undefined;
  sort: RunSort;
  after?: { place: number; id: string } | undefined;
  limit: number;
};

/** A run with its place in the order that was asked for. */
export type PlacedRun = Run & { readonly place: number };

/** `runs` newest first. */
export function searchRuns(
  runs: readonly Run[],
  query: RunQuery,
): { page: PlacedRun[]; more: boolean } {
  const { sort, after, limit } = query;
  const by = placeBy(sort);
  const { page, more } = selectPage<Run>(sort.startsWith("-") ? runs : runs.toReversed(), {
    compare: (a, b) => inOrder(by(a), a.id, by(b), b.id),
    isBehind: (run) =>
      answers(run, query) &&
      (after === undefined || inOrder(by(run), run.id, after.place, after.id) > 0),
    limit,
  });
  return { page: page.map((run) => ({ ...run, place: by(run) })), more };
}

const inOrder = (place: number, id: string, otherPlace: number, otherId: string): number =>
  place - otherPlace || (id < otherId ? 1 : id > otherId ? -1 : 0);

/** Runs that have no such instant come last, whichever way. JSON knows no Infinity. */
const LAST = Number.MAX_SAFE_INTEGER;

function placeBy(sort: RunSort): (run: Run) => number {
  const turned = sort.startsWith("-") ? -1 : 1;
  const value = VALUES[sort.replace("-", "") as keyof typeof VALUES];
  return (run) => {
    const found = value(run);
    return found === undefined ? LAST : turned * found;
  };
}

const VALUES = {
  submitted: ({ submittedAt }: Run): number | undefined => submittedAt,
  finished: ({ finishedAt }: Run) => finishedAt,
  duration: ({ startedAt, finishedAt }: Run) =>
    startedAt === undefined || finishedAt === undefined ? undefined : finishedAt - startedAt,
} as const;

function answers(run: Run, { state, from, to, exitCode, label, worker }: RunQuery): boolean {
  return (
    (state === undefined || run.state === state) &&
    (from === undefined || run.submittedAt >= from) &&
    (to === undefined || run.submittedAt < to) &&
    (exitCode === undefined || run.exitCode === exitCode) &&
    (worker === undefined ||
      run.workers.some((id) => id === worker || workerName(id) === worker)) &&
    (label === undefined || bears(run, label))
  );
}

function bears({ labels }: Run, label: string): boolean {
  const [key = "", ...value] = label.split("=");
  return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join("="));
}
