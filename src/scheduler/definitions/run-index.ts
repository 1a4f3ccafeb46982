// The runs of every definition, in memory: newest first, found by what they are, counted as they come and go. No I/O, no clock.
import type { GroupRecord } from "../../shared/group.ts";
import { isFinal, type JobRecord } from "../../shared/job.ts";
import { scopedName } from "../../shared/scoped-name.ts";
import { createStatistics, type Statistics } from "./statistics.ts";

export const RUN_STATES = [
  "queued",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "expired",
] as const;
export type RunState = (typeof RUN_STATES)[number];

export type Run = {
  readonly id: string;
  readonly kind: "job" | "group";
  readonly version: number;
  readonly test: boolean;
  readonly submittedAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly schedule?: { readonly name: string; readonly at: number } | undefined;
  state: RunState;
  startedAt?: number | undefined;
  finishedAt?: number | undefined;
  /** Of the job; of a group, that of the job that failed last. */
  exitCode?: number | undefined;
  /** Everybody who had a part in it. */
  workers: readonly string[];
  reason?: string | undefined;
};

export type RunIndex = ReturnType<typeof createRunIndex>;

type Shelf = { runs: Map<string, Run>; statistics: Statistics; newest: Run | undefined };
/** What the jobs of a group tell about it; they may be known before the group is. */
type Part = { workers: readonly string[]; exitCode: number | undefined };

export function createRunIndex() {
  const shelves = new Map<string, Shelf>();
  /** Where a run stands, by its id. */
  const homes = new Map<string, Shelf>();
  const parts = new Map<string, Part>();

  function shelfOf(name: string): Shelf {
    const known = shelves.get(name);
    if (known !== undefined) return known;
    const shelf: Shelf = { runs: new Map(), statistics: createStatistics(), newest: undefined };
    shelves.set(name, shelf);
    return shelf;
  }

  function change(shelf: Shelf, run: Run): void {
    const before = shelf.runs.get(run.id);
    if (before !== undefined) shelf.statistics.take(before, -1);
    shelf.runs.set(run.id, run);
    shelf.statistics.take(run, 1);
    homes.set(run.id, shelf);
    const { newest } = shelf;
    if (newest === undefined || newest.id === run.id || run.submittedAt >= newest.submittedAt)
      shelf.newest = run;
  }

  function gone(id: string): void {
    parts.delete(id);
    const shelf = homes.get(id);
    const run = shelf?.runs.get(id);
    if (shelf === undefined || run === undefined) return;
    homes.delete(id);
    shelf.runs.delete(id);
    shelf.statistics.take(run, -1);
    if (shelf.newest?.id === id) shelf.newest = newestOf(shelf.runs.values());
  }

  /** A job that is a step of a run. */
  function stepChanged(record: JobRecord, groupId: string): void {
    const { worker, exitCode } = record.attempts.at(-1) ?? {};
    if (worker === undefined) return;
    const known = parts.get(groupId) ?? { workers: [], exitCode: undefined };
    const part = {
      workers: known.workers.includes(worker) ? known.workers : [...known.workers, worker],
      exitCode: record.state === "failed" ? exitCode : known.exitCode,
    };
    parts.set(groupId, part);
    const shelf = homes.get(groupId);
    const run = shelf?.runs.get(groupId);
    if (shelf === undefined || run === undefined) return;
    change(shelf, { ...run, workers: part.workers, exitCode: exitCodeOf(run.state, part) });
  }

  return {
    // Facts.
    jobChanged(record: JobRecord, shown: RunState): void {
      const { definition, group } = record.origin ?? {};
      if (definition === undefined) return;
      if (group !== undefined) return stepChanged(record, group.id);
      const { schedule, namespace } = record.origin ?? {};
      const newest = record.attempts.at(-1);
      // one literal: so all of it lies in one place in memory, of which a search looks at many
      change(shelfOf(scopedName(definition.name, namespace)), {
        id: record.id,
        kind: "job",
        version: definition.version,
        test: definition.test === true,
        submittedAt: record.submittedAt,
        labels: record.spec.labels ?? {},
        schedule,
        state: shown,
        startedAt: record.attempts.find(({ startedAt }) => startedAt !== undefined)?.startedAt,
        finishedAt: record.finishedAt,
        exitCode: isFinal(record.state) ? newest?.exitCode : undefined,
        workers: [...new Set(record.attempts.map(({ worker }) => worker))],
        reason: record.reason,
      });
    },
    groupChanged(record: GroupRecord): void {
      const { definition } = record.origin ?? {};
      if (definition === undefined) return;
      const { schedule, namespace } = record.origin ?? {};
      const part = parts.get(record.id);
      change(shelfOf(scopedName(definition.name, namespace)), {
        id: record.id,
        kind: "group",
        version: definition.version,
        test: definition.test === true,
        submittedAt: record.submittedAt,
        labels: record.spec.labels ?? {},
        schedule,
        state: record.state,
        startedAt: record.startedAt,
        finishedAt: record.finishedAt,
        exitCode: exitCodeOf(record.state, part),
        workers: part?.workers ?? [],
        reason: record.reason,
      });
    },
    gone,

    // Answers, by scoped name.
    runs: (name: string): Run[] => [...(shelves.get(name)?.runs.values() ?? [])].toReversed(),
    run: (name: string, id: string): Run | undefined => shelves.get(name)?.runs.get(id),
    newest: (name: string): Run | undefined => shelves.get(name)?.newest,
    statistics: (name: string): Statistics | undefined => shelves.get(name)?.statistics,
    /** A run that is not over, if there is one. */
    active(name: string): Run | undefined {
      for (const id of shelves.get(name)?.statistics.live ?? [])
        return shelves.get(name)?.runs.get(id);
      return undefined;
    },
  };
}

const exitCodeOf = (state: RunState, part: Part | undefined): number | undefined =>
  state === "succeeded" ? 0 : state === "failed" ? part?.exitCode : undefined;

function newestOf(runs: Iterable<Run>): Run | undefined {
  let newest: Run | undefined;
  for (const run of runs)
    if (newest === undefined || run.submittedAt >= newest.submittedAt) newest = run;
  return newest;
}
