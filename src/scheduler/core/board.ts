// The scheduler's mind: facts in, decisions and answers out. No I/O, no clock: epoch ms (`now`) and monotonic ms (`mono`) are handed in.

import type { CancelIntent, PurgeMark } from "../../shared/messages.ts";
import { rulesOf, type QueueSettings } from "../../shared/queue-settings.ts";
import { isOver } from "./entry.ts";
import { createJobFacts, type AssignedItem, type JobChange } from "./jobs.ts";
import { createJobList } from "./job-list.ts";
import { createLedger } from "./ledger.ts";
import { createPlacer } from "./placer.ts";
import { createPresence, type Loss } from "./presence.ts";
import { createQuarantines } from "./quarantine.ts";
import { forgetStart, noteStart } from "./rate.ts";
import { createSeries } from "./series.ts";
import { createTables, queueRow } from "./tables.ts";
import { createSubmitFacts } from "./submit-facts.ts";
import { createViews } from "./views.ts";
import { createUniques } from "./uniques.ts";
import { createWaitingRoom } from "./waiting-room.ts";
import { explain, type Why } from "./why.ts";

export type { AssignedItem, JobChange } from "./jobs.ts";
export type { Loss } from "./presence.ts";
export type { Verdict } from "./quarantine.ts";
export type { JobPage, JobView, QueueView, Stats, WorkerView } from "./views.ts";
export type { Filter, Reason, Why } from "./why.ts";
export { JOB_SORTS, type JobSort, type ListCursor } from "./job-list.ts";
export type { ListQuery } from "./listing.ts";
export type { Span, Waits } from "./series.ts";

/** One attempt given to one worker; `seq` is the record that it was decided on. */
export type Placement = AssignedItem & { worker: string };

/** A job to be ended although no worker has it. */
export type Settlement =
  | { job: string; how: "expired" }
  | { job: string; how: "cancelled"; intent: CancelIntent };

/** An attempt whose worker is to be asked to stop it. */
export type Stop = {
  job: string;
  attempt: number;
  worker: string;
  why: "cancelled" | "superseded";
};

export type Board = ReturnType<typeof createBoard>;

export function createBoard() {
  const tables = createTables();
  const listeners = new Map<string, Set<(change: JobChange) => void>>();
  const list = createJobList();
  const series = createSeries();
  const placer = createPlacer(tables);
  const ledger = createLedger(tables, placer, (row) => presence.emptied(row));
  const quarantines = createQuarantines(placer);
  const uniques = createUniques((entry) => facts.change(entry, () => undefined));
  const room = createWaitingRoom(tables, placer, uniques);
  const facts = createJobFacts({
    tables,
    placer,
    ledger,
    room,
    list,
    series,
    uniques,
    quarantines,
    rowOf: (id) => presence.rowOf(id),
    tell,
  });
  const presence = createPresence({ tables, placer, ledger, quarantines, change: facts.change });
  const views = createViews({ tables, list, placer });
  let placed = 0;

  function tell(change: JobChange): void {
    for (const key of [change.id, "*"])
      for (const listener of listeners.get(key) ?? []) listener(change);
  }

  function place(now: number, mono: number, max: number): Placement[] {
    room.advance(now);
    quarantines.advance(now);
    const placements: Placement[] = [];
    while (placements.length < max) {
      const pick = placer.next(now, mono);
      if (!pick) break;
      const { entry, row } = pick;
      const attempt = entry.attempt + 1;
      row.chosen = placed += 1;
      facts.change(
        entry,
        () =>
          void ledger.open(entry, { row, attempt, seq: entry.seq, assignSeq: undefined, at: now }),
      );
      noteStart(queueRow(tables, entry.shape.queue), entry.id, attempt, now);
      placements.push({ job: entry.id, attempt, seq: entry.seq, worker: row.id });
    }
    return placements;
  }

  function unplace({ job, attempt, seq }: Placement): void {
    const entry = tables.jobs.get(job);
    const claim = entry?.claim;
    if (!entry || claim?.attempt !== attempt || claim.seq !== seq || claim.assignSeq !== undefined)
      return;
    forgetStart(queueRow(tables, entry.shape.queue), job, attempt);
    facts.change(entry, () => ledger.close(entry));
  }

  function nextDueAt(): number | undefined {
    const instants = [room.nextAt(), placer.opensAt(), quarantines.opensAt()].filter(
      (at) => at !== undefined,
    );
    return instants.length === 0 ? undefined : Math.min(...instants);
  }

  function settlements(now: number): Settlement[] {
    room.advance(now);
    return [...room.ending].map(([{ id }, end]): Settlement =>
      end === "expired" ? { job: id, how: end } : { job: id, how: "cancelled", intent: end },
    );
  }

  function stops(): Stop[] {
    const cancelled = [...room.stopping].flatMap(({ id, claim }): Stop[] =>
      claim ? [{ job: id, attempt: claim.attempt, worker: claim.row.id, why: "cancelled" }] : [],
    );
    return [
      ...cancelled,
      ...presence.superseded().map((held): Stop => ({ ...held, why: "superseded" })),
    ];
  }

  return {
    // Facts.
    jobChanged: facts.jobChanged,
    jobGone: facts.jobGone,
    cancelChanged: facts.cancelChanged,
    assigned: facts.assigned,
    beat: presence.beat,
    workerGone: presence.workerGone,
    queueChanged(name: string, settings: QueueSettings | undefined): void {
      const queue = queueRow(tables, name);
      queue.settings = settings ?? { paused: false };
      queue.rules = rulesOf(queue.settings);
      if (queue.rules.rate === undefined) queue.starts.clear();
      placer.ruled(queue);
    },
    queuePurged(name: string, mark: PurgeMark | undefined): void {
      queueRow(tables, name).purge = mark;
      for (const entry of tables.jobs.values())
        if (entry.shape.queue === name && !isOver(entry)) facts.change(entry, () => undefined);
    },
    quarantineChanged: quarantines.changed,

    // Decisions, for the leader.
    /** Gives up to `max` jobs to workers. Each counts against its worker's slots from here on. */
    place,
    /** Takes back a placement whose assignment was refused. */
    unplace,
    /** Jobs to be ended without a worker; each is told again until its record says so. */
    settlements,
    /** Attempts to be asked to stop; each is told again until the record or the worker says that it is over. */
    stops,
    /** Attempts whose worker is gone; silence before `since` is not held against anybody. */
    lost: (mono: number, since: number): Loss[] => presence.lost(mono, since),
    /** Workers that are to be taken out or let in again; each is told again until its entry says so. */
    verdicts: quarantines.verdicts,
    /** Calls back when there may be other verdicts, or other workers to place on, until disposed. */
    onQuarantine: quarantines.watch,
    /** Finished jobs whose cancel intent is to be cleared. */
    leftovers: (): string[] => [...facts.leftovers],
    /** Epoch ms at which the next delayed job may start, the next job expires, a queue's rate admits again or a worker is probed. */
    nextDueAt,
    /** Workers that have shown no sign of an assignment since the call before. */
    unheard: (): string[] => presence.unheard(),
    /** Monotonic ms at which `lost` is worth a look. */
    nextSilenceAt: () => presence.nextSilenceAt(),

    // Answers, for everybody.
    /** Jobs that are known. */
    jobIds: (): string[] => [...tables.jobs.keys()],
    /** Jobs that somebody wants to end. */
    cancelIds: (): string[] => [...tables.cancels.keys()],
    ...createSubmitFacts(tables, uniques),
    get: views.job,
    list: views.jobs,
    worker: views.worker,
    workers: views.workers,
    queues: views.queues,
    stats: views.stats,
    series: series.read,
    why(id: string, now: number, mono: number): Why | undefined {
      const entry = tables.jobs.get(id);
      return entry && explain({ tables, placer, uniques }, entry, now, mono);
    },
    newestSeq: facts.newestSeq,
    /** Unfinished jobs that are to run in a reservation. */
    within: (reservation: string): string[] =>
      [...tables.jobs.values()].flatMap((entry) =>
        entry.shape.seat?.of === reservation && !isOver(entry) ? [entry.id] : [],
      ),
    /** Calls back on each change of the job, or of any job ("*"), in the order of the facts, until disposed. */
    watch(id: string, listener: (change: JobChange) => void): Disposable {
      const set = listeners.get(id) ?? new Set();
      listeners.set(id, set.add(listener));
      return {
        [Symbol.dispose]() {
          set.delete(listener);
          if (set.size === 0) listeners.delete(id);
        },
      };
    },
  };
}
