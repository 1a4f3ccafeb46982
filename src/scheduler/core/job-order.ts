// Jobs in one order, cut into chunks: whatever comes, goes or is looked up in the middle touches one small array only.
import type { JobEntry } from "./entry.ts";

/** A place between jobs, good while jobs come and go: everything that a walk yields from there stands strictly before it. */
export type Place = { at: number; id: string };

export type JobOrder = {
  add(entry: JobEntry): void;
  /** What the order looks at must not have changed since the job was added. */
  remove(entry: JobEntry): void;
  /** Shows the jobs from the largest down, beginning below the place, until `visit` says that it has seen enough. */
  downFrom(place: Place | undefined, visit: (entry: JobEntry) => boolean): void;
};

const CHUNK = 512;

/** Orders by `key`, then by id. */
export function createJobOrder(key: (entry: JobEntry) => number): JobOrder {
  const chunks: JobEntry[][] = [];

  const isBelow = (entry: JobEntry, { at, id }: Place): boolean => {
    const own = key(entry);
    return own < at || (own === at && entry.id < id);
  };
  const placeOf = (entry: JobEntry): Place => ({ at: key(entry), id: entry.id });

  const endsBelow = (chunk: readonly JobEntry[] | undefined, place: Place): boolean => {
    const last = chunk?.at(-1);
    return last !== undefined && isBelow(last, place);
  };

  /** The first chunk that does not end below the place; the last one when all do. */
  function chunkAt(place: Place): number {
    let low = 0;
    let high = chunks.length - 1;
    // most jobs come in order, and then nothing has to be looked for
    if (endsBelow(chunks[high], place)) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endsBelow(chunks[middle], place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function countBelow(chunk: readonly JobEntry[], place: Place): number {
    if (endsBelow(chunk, place)) return chunk.length;
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBelow(chunk[middle] as JobEntry, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(entry) {
      const place = placeOf(entry);
      const at = chunkAt(place);
      const chunk = chunks[at];
      if (chunk === undefined) return void chunks.push([entry]);
      const index = countBelow(chunk, place);
      if (index === chunk.length) chunk.push(entry);
      else chunk.splice(index, 0, entry);
      if (chunk.length >= 2 * CHUNK) chunks.splice(at + 1, 0, chunk.splice(CHUNK));
    },
    remove(entry) {
      const place = placeOf(entry);
      const at = chunkAt(place);
      const chunk = chunks[at] ?? [];
      const index = countBelow(chunk, place);
      if (chunk[index] !== entry) return;
      chunk.splice(index, 1);
      if (chunk.length === 0) chunks.splice(at, 1);
    },
    downFrom(place, visit) {
      const top = place === undefined ? chunks.length - 1 : chunkAt(place);
      for (let at = top; at >= 0; at -= 1) {
        const chunk = chunks[at] as JobEntry[];
        const end = place !== undefined && at === top ? countBelow(chunk, place) : chunk.length;
        for (let index = end - 1; index >= 0; index -= 1)
          if (visit(chunk[index] as JobEntry)) return;
      }
    },
  };
}
