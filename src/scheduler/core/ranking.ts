// The workers that could take jobs of one shape, best first: most liked, then least loaded, then longest not chosen.
import { createHeap } from "./heap.ts";
import { freeSlots, isOpen, load, type Row } from "./row.ts";
import { fits, liking, type Shape } from "./shape.ts";
import type { Tables } from "./tables.ts";

export type Ranking = {
  /** Looks at the worker anew: to be called when it got better or its facts changed. */
  refresh(row: Row): void;
  remove(row: Row): void;
  /** The best worker that can take one now; `avoid` only when there is no other. */
  best(mono: number, avoid: string | undefined): Row | undefined;
};

type Candidate = { readonly row: Row; liking: number; load: number; chosen: number };

/** A worker that got worse is noticed when it comes up; one that cannot take a job now leaves until it is refreshed. */
export function createRanking(shape: Shape): Ranking {
  const candidates = new Map<Row, Candidate>();
  const heap = createHeap<Candidate>(
    (a, b) => (b.liking - a.liking || a.load - b.load || a.chosen - b.chosen) < 0,
  );

  function remove(candidate: Candidate): void {
    heap.delete(candidate);
    candidates.delete(candidate.row);
  }

  function top(mono: number): Candidate | undefined {
    for (let candidate = heap.peek(); candidate !== undefined; candidate = heap.peek()) {
      const { row } = candidate;
      if (!canTake(shape, row, mono)) remove(candidate);
      else if (candidate.load === load(row) && candidate.chosen === row.chosen) return candidate;
      else place(candidate);
    }
    return undefined;
  }

  function place(candidate: Candidate): void {
    candidate.load = load(candidate.row);
    candidate.chosen = candidate.row.chosen;
    heap.put(candidate);
  }

  return {
    refresh(row) {
      const known = candidates.get(row);
      if (row.beat === undefined || !fits(shape, row.beat)) return known && remove(known);
      const candidate = known ?? { row, liking: 0, load: 0, chosen: 0 };
      candidate.liking = liking(shape, row.beat);
      candidates.set(row, candidate);
      place(candidate);
    },
    remove(row) {
      const known = candidates.get(row);
      if (known) remove(known);
    },
    best(mono, avoid) {
      const first = top(mono);
      if (first?.row.id !== avoid || first === undefined) return first?.row;
      heap.delete(first);
      const second = top(mono);
      heap.put(first);
      return (second ?? first).row;
    },
  };
}

export type Rankings = {
  /** The best worker for the shape; see `Ranking`. */
  best(shape: Shape, mono: number, avoid: string | undefined): Row | undefined;
  /** Looks at the worker anew where the shape has a ranking. */
  refresh(shape: Shape, row: Row): void;
  remove(shape: Shape, row: Row): void;
  forget(shape: Shape): void;
};

/** Rankings kept; the one used least recently is given up first and built again when needed. */
const MAX_RANKINGS = 256;

export function createRankings(tables: Tables): Rankings {
  const rankings = new Map<Shape, Ranking>();

  function newRanking(shape: Shape): Ranking {
    const ranking = createRanking(shape);
    for (const row of tables.byAnchor.get(shape.anchor) ?? []) ranking.refresh(row);
    return ranking;
  }

  function rankingOf(shape: Shape): Ranking {
    const ranking = rankings.get(shape) ?? newRanking(shape);
    rankings.delete(shape);
    rankings.set(shape, ranking);
    const [oldest] = rankings.keys();
    if (rankings.size > MAX_RANKINGS && oldest) rankings.delete(oldest);
    return ranking;
  }

  return {
    best: (shape, mono, avoid) => rankingOf(shape).best(mono, avoid),
    refresh: (shape, row) => rankings.get(shape)?.refresh(row),
    remove: (shape, row) => rankings.get(shape)?.remove(row),
    forget: (shape) => void rankings.delete(shape),
  };
}

/** True when the worker, which fits, has room now that is not kept for another job. */
export const canTake = (shape: Shape, row: Row, mono: number): boolean =>
  isOpen(row, mono) && (shape.seat === undefined ? hasRoom(shape, row) : hasSeat(shape.seat, row));

const hasRoom = (shape: Shape, row: Row): boolean =>
  freeSlots(row) >= shape.slots && (row.reserved === undefined || row.reserved.shape === shape);

/** True when the worker has the reservation, and that has so much left. */
export function hasSeat(seat: NonNullable<Shape["seat"]>, { claims }: Row): boolean {
  const reserved = claims.get(seat.of);
  if (reserved === undefined) return false;
  let free = reserved.entry.shape.slots - seat.slots;
  for (const { entry } of claims.values())
    if (entry.shape.seat?.of === seat.of) free -= entry.shape.seat.slots;
  return free >= 0;
}
