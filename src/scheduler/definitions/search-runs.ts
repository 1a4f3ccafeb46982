// Searches runs: filters and sorts in one pass, a page at a time.
import { workerName } from "../../shared/names.ts";
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

/** `runs` newest first. Each is looked at once, and compared only while it might be on the page. */
export function searchRuns(
  runs: readonly Run[],
  query: RunQuery,
): { page: PlacedRun[]; more: boolean } {
  const { sort, after, limit } = query;
  const by = placeBy(sort);
  const tests = testsOf(query);
  const best: PlacedRun[] = [];
  let worst = Infinity;

  function look(run: Run): void {
    for (const passes of tests) if (!passes(run)) return;
    const place = by(run);
    if (place > worst) return;
    if (after !== undefined && inOrder(place, run.id, after) <= 0) return;
    const index = best.findLastIndex((other) => inOrder(place, run.id, other) > 0) + 1;
    if (index > limit) return;
    best.splice(index, 0, { ...run, place });
    if (best.length <= limit + 1) return;
    best.pop();
    worst = best.at(-1)?.place ?? Infinity;
  }

  // what comes first mostly stands first, so that little of the rest has to be put in order
  if (sort.startsWith("-")) for (const run of runs) look(run);
  else for (let at = runs.length - 1; at >= 0; at -= 1) look(runs[at] as Run);
  return { page: best.slice(0, limit), more: best.length > limit };
}

/** Below 0 when the one comes before the other. */
const inOrder = (place: number, id: string, other: { place: number; id: string }): number =>
  place - other.place || (id < other.id ? 1 : id > other.id ? -1 : 0);

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

/** Only what was asked for is looked at. */
function testsOf({
  state,
  from,
  to,
  exitCode,
  label,
  worker,
}: RunQuery): ((run: Run) => boolean)[] {
  const tests: ((run: Run) => boolean)[] = [];
  if (state !== undefined) tests.push((run) => run.state === state);
  if (from !== undefined) tests.push((run) => run.submittedAt >= from);
  if (to !== undefined) tests.push((run) => run.submittedAt < to);
  if (exitCode !== undefined) tests.push((run) => run.exitCode === exitCode);
  if (worker !== undefined)
    tests.push(({ workers }) => workers.some((id) => id === worker || workerName(id) === worker));
  if (label !== undefined) tests.push(bearing(label));
  return tests;
}

/** `label` is a key, or key=value. */
function bearing(label: string): (run: Run) => boolean {
  const [key = "", ...rest] = label.split("=");
  const value = rest.length === 0 ? undefined : rest.join("=");
  return ({ labels }) =>
    value === undefined ? Object.hasOwn(labels, key) : ownValue(labels, key) === value;
}

const ownValue = (labels: Run["labels"], key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
