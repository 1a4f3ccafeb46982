// The keys of a queue: which unfinished jobs bear them, and how many of those run.
import { isOver, type JobEntry } from "./entry.ts";
import { queueRow, type QueueRow, type Tables } from "./tables.ts";

export type KeyRow = {
  readonly name: string;
  readonly queue: QueueRow;
  /** Its unfinished jobs. */
  readonly open: Set<JobEntry>;
  /** Attempts that count against the queue's limit per key: by the ledger. */
  running: number;
  /** Epoch ms at which the key last got a start, and a number that rises with each start of any key: by the placer. */
  servedAt: number;
  turn: number;
};

/** The job has not finished: to be told before anything is counted for it. */
export function openKey(tables: Tables, entry: JobEntry): void {
  if (entry.key === undefined || isOver(entry)) return;
  const queue = queueRow(tables, entry.shape.queue);
  const row = queue.keys.get(entry.key) ?? newRow(queue, entry.key);
  row.open.add(entry);
}

/** The job has finished or is gone, and nothing is counted for it any more; a key without unfinished jobs is forgotten. */
export function closeKey(tables: Tables, entry: JobEntry): void {
  const row = keyOf(tables, entry);
  if (row?.open.delete(entry) && row.open.size === 0) row.queue.keys.delete(row.name);
}

function newRow(queue: QueueRow, name: string): KeyRow {
  const row = { name, queue, open: new Set<JobEntry>(), running: 0, servedAt: -Infinity, turn: 0 };
  queue.keys.set(name, row);
  return row;
}

/** The row of the job's key; there is one while the job has not finished. */
export const keyOf = (tables: Tables, { key, shape }: JobEntry): KeyRow | undefined =>
  key === undefined ? undefined : tables.queues.get(shape.queue)?.keys.get(key);

/** True when no further job of the key may start. */
export const isBusy = (row: KeyRow | undefined): boolean =>
  row !== undefined && row.running >= row.queue.rules.keyLimit;
