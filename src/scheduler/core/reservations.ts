// Keeps a worker for a large job that small ones would otherwise overtake for ever: what gets free there stays free until it fits.
import type { JobEntry } from "./entry.ts";
import { freeSlots, isOpen, type Row } from "./row.ts";
import { fits } from "./shape.ts";
import type { Tables } from "./tables.ts";

/** A job of several slots is overtaken for this long before a worker is kept for it. */
export const PATIENCE_MS = 10_000;

export type Reservations = {
  any(): boolean;
  /** No worker can take the job now: after a while the fitting worker with most room is kept for it. */
  wantedBy(entry: JobEntry, now: number, mono: number): void;
  /** A worker kept for a job of lower priority that this one may take. */
  takeOver(entry: JobEntry, mono: number): Row | undefined;
  /** The job waits no longer. */
  release(entry: JobEntry): void;
};

type Wish = { readonly since: number; row: Row | undefined };

/** `levelOf`: a job's priority as it stands now. */
export function createReservations(
  tables: Tables,
  levelOf: (entry: JobEntry) => number,
  freed: (row: Row) => void,
): Reservations {
  const wishes = new Map<JobEntry, Wish>();
  const kept = new Set<Row>();

  function letGo(wish: Wish): void {
    const { row } = wish;
    if (row === undefined) return;
    wish.row = undefined;
    row.reserved = undefined;
    kept.delete(row);
    freed(row);
  }

  function keep(entry: JobEntry, mono: number): Row | undefined {
    let best: Row | undefined;
    for (const row of tables.byAnchor.get(entry.shape.anchor) ?? []) {
      if (row.reserved !== undefined || !isFit(entry, row, mono)) continue;
      if (best === undefined || freeSlots(row) > freeSlots(best)) best = row;
    }
    if (best === undefined) return undefined;
    best.reserved = entry;
    kept.add(best);
    return best;
  }

  return {
    any: () => kept.size > 0,
    wantedBy(entry, now, mono) {
      if (entry.shape.slots === 1) return;
      const wish = wishes.get(entry) ?? { since: now, row: undefined };
      wishes.set(entry, wish);
      if (wish.row !== undefined && !isFit(entry, wish.row, mono)) letGo(wish);
      if (wish.row === undefined && now - wish.since >= PATIENCE_MS) wish.row = keep(entry, mono);
    },
    takeOver(entry, mono) {
      for (const row of kept) {
        const holder = row.reserved as JobEntry;
        if (
          levelOf(holder) < levelOf(entry) &&
          isFit(entry, row, mono) &&
          freeSlots(row) >= entry.shape.slots
        )
          return row;
      }
      return undefined;
    },
    release(entry) {
      const wish = wishes.get(entry);
      if (!wish) return;
      letGo(wish);
      wishes.delete(entry);
    },
  };
}

const isFit = (entry: JobEntry, row: Row, mono: number): boolean =>
  row.beat !== undefined && isOpen(row, mono) && fits(entry.shape, row.beat);
