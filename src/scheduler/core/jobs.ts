// The job facts: records, cancel intents and assignments, in whatever order their feeds bring them.
import { isFinal, type JobRecord } from "../../shared/job.ts";
import type { CancelIntent } from "../../shared/messages.ts";
import { isLive } from "./claim.ts";
import { isOver, newEntry, scopedKey, shownState, updateEntry, type JobEntry } from "./entry.ts";
import type { JobList } from "./job-list.ts";
import { closeKey, openKey } from "./key-row.ts";
import type { Ledger } from "./ledger.ts";
import type { Placer } from "./placer.ts";
import type { Quarantines } from "./quarantine.ts";
import { noteStart } from "./rate.ts";
import type { Row } from "./row.ts";
import type { Series } from "./series.ts";
import { shapeKey, shapeOf, type Shape } from "./shape.ts";
import { addTo, queueRow, removeFrom, type Tables } from "./tables.ts";
import type { Uniques } from "./uniques.ts";
import type { WaitingRoom } from "./waiting-room.ts";

/** One item of an assignment message; `queue` where the job's record may be gone already. */
export type AssignedItem = { job: string; attempt: number; seq: number; queue?: string };

/** Something about a job changed; the record is there when that is what changed. */
export type JobChange = {
  id: string;
  seq: number;
  record?: JobRecord;
  /** Newest entries of the record's timeline that the record before did not have. */
  fresh?: number;
  gone: boolean;
};

export type JobFacts = {
  jobChanged(record: JobRecord, seq: number): void;
  jobGone(id: string, seq: number): void;
  cancelChanged(id: string, intent: CancelIntent | undefined): void;
  assigned(item: AssignedItem, worker: string, assignSeq: number, at: number): void;
  /** Changes the job by `act` and puts it where it belongs then. */
  change(entry: JobEntry, act: () => void): void;
  /** Sequence of the newest record, or of the end of one, that is known. */
  newestSeq(): number;
  /** Finished jobs whose cancel intent still stands. */
  readonly leftovers: ReadonlySet<string>;
};

type Early = { item: AssignedItem; worker: string; assignSeq: number; at: number };

const EARLY_SLACK = 1_000;

export function createJobFacts(deps: {
  tables: Tables;
  placer: Placer;
  ledger: Ledger;
  room: WaitingRoom;
  list: JobList;
  series: Series;
  uniques: Uniques;
  quarantines: Pick<Quarantines, "assigned" | "ended">;
  rowOf: (id: string) => Row;
  tell: (change: JobChange) => void;
}): JobFacts {
  const { tables, placer, ledger, room, list, series, uniques, quarantines, rowOf, tell } = deps;
  const shapes = new Map<string, { shape: Shape; jobs: number }>();
  /** Assignments that overtook the record which they were decided on. */
  const early = new Map<string, Early>();
  const leftovers = new Set<string>();
  let newestSeq = 0;
  let earlyLimit = EARLY_SLACK;

  function shapeFor(record: JobRecord): Shape {
    const key = shapeKey(record);
    const known = shapes.get(key) ?? { shape: shapeOf(record, key), jobs: 0 };
    known.jobs += 1;
    shapes.set(key, known);
    return known.shape;
  }

  function releaseShape(shape: Shape): void {
    const known = shapes.get(shape.key);
    if (known === undefined || (known.jobs -= 1) > 0) return;
    shapes.delete(shape.key);
    placer.forget(shape);
  }

  function added(record: JobRecord, seq: number): JobEntry {
    const shape = shapeFor(record);
    const { spec, origin } = record;
    const key = spec.key && scopedKey(spec.key, origin?.namespace);
    const sharedKey = key && (tables.queues.get(shape.queue)?.keys.get(key)?.name ?? key);
    const entry = newEntry(record, seq, shape, sharedKey);
    tables.jobs.set(entry.id, entry);
    list.add(entry);
    queueRow(tables, entry.shape.queue).depth[entry.state] += 1;
    return entry;
  }

  function change(entry: JobEntry, act: () => void): void {
    const { depth } = queueRow(tables, entry.shape.queue);
    room.leave(entry);
    depth[shownState(entry)] -= 1;
    act();
    if (isOver(entry)) closeKey(tables, entry);
    depth[shownState(entry)] += 1;
    room.enter(entry);
    countForTenant(entry);
    if (isOver(entry) && tables.cancels.has(entry.id)) leftovers.add(entry.id);
    else leftovers.delete(entry.id);
  }

  function countForTenant(entry: JobEntry): void {
    if (entry.namespace === undefined) return;
    if (isOver(entry) || entry.spot === "gone")
      removeFrom(tables.unfinished, entry.namespace, entry);
    else addTo(tables.unfinished, entry.namespace, entry);
  }

  /** Makes the claim agree with the record: an over one is closed, a running attempt without one gets it. */
  function agree(entry: JobEntry, startedAt: number): void {
    ledger.review(entry);
    const waiting = early.get(entry.id);
    if (waiting && waiting.item.seq <= entry.seq) early.delete(entry.id);
    if (waiting && waiting.item.seq <= entry.seq && entry.claim === undefined)
      claim(entry, waiting);
    if (entry.state === "running" && entry.claim === undefined && entry.worker !== undefined)
      ledger.open(entry, {
        row: rowOf(entry.worker),
        attempt: entry.attempt,
        seq: entry.seq,
        assignSeq: 0,
        at: startedAt,
      });
  }

  /** Counts what the record says beyond what is known of the job. */
  function countUp(entry: JobEntry, record: JobRecord, isNew: boolean): void {
    if (isNew) series.count("submitted", record.submittedAt);
    countStart(entry, record, isNew);
    if (isFinal(record.state) && record.finishedAt !== undefined && (isNew || !isOver(entry)))
      series.count(record.state, record.finishedAt);
  }

  function countStart(entry: JobEntry, record: JobRecord, isNew: boolean): void {
    const [newest, before] = record.attempts.slice(-2).toReversed();
    if (newest?.startedAt === undefined || (!isNew && newest.number <= entry.attempt)) return;
    const readyAt = Math.max(before?.finishedAt ?? record.submittedAt, entry.notBefore ?? 0);
    series.started(newest.startedAt, newest.startedAt - readyAt);
  }

  function claim(entry: JobEntry, { item, worker, assignSeq, at }: Early): void {
    const row = rowOf(worker);
    const held = entry.claim;
    if (held !== undefined && held.attempt === item.attempt && held.row === row) {
      held.assignSeq = assignSeq;
      held.at = at;
    } else if (
      (held === undefined || held.assignSeq === undefined) &&
      isLive({ entry, row, attempt: item.attempt, seq: item.seq })
    ) {
      ledger.open(entry, { row, attempt: item.attempt, seq: item.seq, assignSeq, at });
    }
  }

  function keepEarly(assignment: Early): void {
    early.set(assignment.item.job, assignment);
    if (early.size <= earlyLimit) return;
    for (const [job, { item }] of early) if (item.seq <= newestSeq) early.delete(job);
    earlyLimit = 2 * early.size + EARLY_SLACK;
  }

  return {
    leftovers,
    newestSeq: () => newestSeq,
    change,
    jobChanged(record, seq) {
      newestSeq = Math.max(newestSeq, seq);
      const known = tables.jobs.get(record.id);
      if (known !== undefined && seq <= known.seq) return;
      const entry = known ?? added(record, seq);
      const newest = record.attempts.at(-1);
      const handedBack =
        newest?.outcome === "handed_back" ? tables.rows.get(newest.worker) : undefined;
      if (handedBack) handedBack.declined = true;
      if (newest?.outcome !== undefined && newest.number === entry.claim?.attempt)
        quarantines.ended(entry.claim, newest);
      countUp(entry, record, known === undefined);
      const told = entry.told;
      change(entry, () => {
        list.change(entry, () => updateEntry(entry, record, seq));
        openKey(tables, entry);
        uniques.seen(entry, record, known === undefined);
        agree(entry, newest?.startedAt ?? record.submittedAt);
      });
      tell({ id: record.id, seq, record, fresh: entry.told - told, gone: false });
    },
    jobGone(id, seq) {
      newestSeq = Math.max(newestSeq, seq);
      const entry = tables.jobs.get(id);
      if (entry === undefined || seq <= entry.seq) return;
      room.leave(entry);
      ledger.close(entry);
      queueRow(tables, entry.shape.queue).depth[shownState(entry)] -= 1;
      tables.jobs.delete(id);
      entry.spot = "gone";
      countForTenant(entry);
      closeKey(tables, entry);
      uniques.gone(entry);
      leftovers.delete(id);
      list.remove(entry);
      releaseShape(entry.shape);
      tell({ id, seq, gone: true });
    },
    cancelChanged(id, intent) {
      if (intent) tables.cancels.set(id, intent);
      else tables.cancels.delete(id);
      const entry = tables.jobs.get(id);
      if (entry === undefined) return;
      change(entry, () => undefined);
      tell({ id, seq: entry.seq, gone: false });
    },
    assigned(item, worker, assignSeq, at) {
      quarantines.assigned(assignSeq);
      const entry = tables.jobs.get(item.job);
      const queue = entry?.shape.queue ?? item.queue;
      if (queue !== undefined) noteStart(queueRow(tables, queue), item.job, item.attempt, at);
      const assignment = { item, worker, assignSeq, at };
      if (item.seq > (entry?.seq ?? newestSeq)) return keepEarly(assignment);
      if (entry === undefined) return;
      change(entry, () => claim(entry, assignment));
      tell({ id: item.job, seq: entry.seq, gone: false });
    },
  };
}
