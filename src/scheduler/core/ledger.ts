// Opens and closes claims, so that a worker's slots, a queue's running attempts and the job always tell the same story.
import { type Claim, isLive } from "./claim.ts";
import type { JobEntry } from "./entry.ts";
import { keyOf } from "./key-row.ts";
import type { Placer } from "./placer.ts";
import type { Row } from "./row.ts";
import { queueRow, type Tables } from "./tables.ts";

/** What says that a worker has an attempt. */
export type Ground = {
  row: Row;
  attempt: number;
  seq: number;
  assignSeq: number | undefined;
  at: number;
};

export type Ledger = {
  open(entry: JobEntry, ground: Ground): Claim;
  close(entry: JobEntry): void;
  /** Closes the job's claim when its record says that the attempt is over. */
  review(entry: JobEntry): void;
};

/** `emptied` is told when a worker has nothing left. */
export function createLedger(tables: Tables, placer: Placer, emptied: (row: Row) => void): Ledger {
  /** Counts the attempt against its queue and its key. */
  function count(entry: JobEntry, by: 1 | -1): void {
    queueRow(tables, entry.shape.queue).running += by;
    const key = keyOf(tables, entry);
    if (key) key.running += by;
  }

  function release(entry: JobEntry): Row | undefined {
    const { claim, id, shape } = entry;
    if (claim === undefined) return undefined;
    entry.claim = undefined;
    claim.row.claims.delete(id);
    claim.row.used -= shape.slots;
    count(entry, -1);
    placer.improved(claim.row);
    placer.ended(entry);
    return claim.row;
  }

  function close(entry: JobEntry): void {
    const row = release(entry);
    if (row?.claims.size === 0) emptied(row);
  }

  return {
    open(entry, ground) {
      const before = release(entry);
      const claim: Claim = { entry, ...ground, missed: 0 };
      entry.claim = claim;
      ground.row.claims.set(entry.id, claim);
      ground.row.used += entry.shape.slots;
      count(entry, 1);
      placer.began(entry, ground.at);
      if (entry.holds) placer.improved(ground.row);
      if (before?.claims.size === 0) emptied(before);
      return claim;
    },
    close,
    review(entry) {
      if (entry.claim !== undefined && !isLive(entry.claim)) close(entry);
    },
  };
}
