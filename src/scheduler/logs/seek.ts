// Finds where to begin reading when only the end is wanted, without reading what comes before.
import { offsetsAfter, type Channel } from "../../shared/chunk.ts";
import type { LogItem } from "./entry.ts";
import type { Replay } from "./replay.ts";
import { beginning, createTrack, type Start } from "./track.ts";

export type Seek = {
  /** Where the last `lines` lines begin, of one channel or of both as they were written. A last line without its end counts. */
  tail(job: string, attempt: number, lines: number, channel?: Channel): Promise<Start>;
  /** Where the chunks begin that were read at `since` (epoch milliseconds) or later. */
  since(job: string, attempt: number, since: number): Promise<Start>;
};

/** A chunk of the wanted output: where it is, and how many lines end in it. */
type Counted = { item: Pick<LogItem, "seq">; no: number; newlines: number; open: boolean };

const FIRST_SPAN = 16;
const SPAN_GROWTH = 4;
const NEWLINE = 10;

export function createSeek(replay: Replay): Seek {
  /** The newest chunk for which `isBefore` holds, as long as it holds for all older ones. */
  async function lastBefore(
    job: string,
    attempt: number,
    newest: LogItem,
    isBefore: (item: LogItem) => boolean,
  ): Promise<LogItem | undefined> {
    let found: LogItem | undefined;
    let low = 0;
    let high = newest.seq;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const item = await replay.next(job, attempt, middle);
      if (item !== undefined && item.seq <= newest.seq && isBefore(item)) {
        found = item;
        low = item.seq;
      } else {
        high = middle;
      }
    }
    return found;
  }

  async function count(start: Start, newest: LogItem, channel?: Channel): Promise<Counted[]> {
    const track = createTrack(start);
    const counted: Counted[] = [];
    for await (const { items } of replay.batches(start.job, start.attempt, start.seq)) {
      for (const item of items) {
        for (const entry of track.take(item)) {
          if (entry.kind !== "chunk" || (channel ?? entry.channel) !== entry.channel) continue;
          const { no, bytes } = entry;
          const open = bytes.at(-1) !== NEWLINE;
          counted.push({ item: { seq: item.seq }, no, newlines: newlinesIn(bytes), open });
        }
        if (item.seq >= newest.seq) return counted;
      }
    }
    return counted;
  }

  async function cutAt(start: Start, found: Counted, newlines: number): Promise<Start> {
    const { job, attempt } = start;
    const { seq } = found.item;
    const item = await replay.next(job, attempt, seq - 1);
    if (item?.content?.kind !== "chunk") return start;
    const bytes = afterNewlines(item.content.bytes, newlines);
    return { ...startAt(job, attempt, item), cut: { no: found.no, bytes } };
  }

  return {
    async tail(job, attempt, lines, channel) {
      const newest = await replay.last(job, attempt);
      if (newest === undefined) return beginning(job, attempt);
      if (lines === 0) return startAfter(job, attempt, newest);
      for (let span = FIRST_SPAN; ; span *= SPAN_GROWTH) {
        const first = newest.record.no - span;
        const isBefore = (item: LogItem) => item.record.no <= first;
        const known = first > 0 ? await lastBefore(job, attempt, newest, isBefore) : undefined;
        const start = startAt(job, attempt, known);
        const counted = await count(start, newest, channel);
        const surplus = surplusLines(counted, lines);
        const found = surplus < 0 ? undefined : chunkAfter(counted, surplus);
        if (found !== undefined) return cutAt(start, found.chunk, found.newlines);
        if (known === undefined) return start;
      }
    },
    async since(job, attempt, since) {
      const newest = await replay.last(job, attempt);
      if (newest === undefined) return beginning(job, attempt);
      const isBefore = (item: LogItem) => item.record.at < since;
      return startAt(job, attempt, await lastBefore(job, attempt, newest, isBefore));
    },
  };
}

const startAt = (job: string, attempt: number, item: LogItem | undefined): Start =>
  item === undefined
    ? beginning(job, attempt)
    : {
        job,
        attempt,
        seq: item.seq - 1,
        next: item.record.no,
        offsets: item.record.offsets,
        ended: false,
      };

/** The chunk is read again for its closing, if it has one. */
function startAfter(job: string, attempt: number, { seq, size, record }: LogItem): Start {
  const { no, part } = record;
  const offsets = part === undefined ? record.offsets : offsetsAfter(record.offsets, part, size);
  return { job, attempt, seq: seq - 1, next: no + 1, offsets, ended: false };
}

/** How many lines come before the last `lines`; -1 when it may be that they begin before these chunks. */
function surplusLines(counted: Counted[], lines: number): number {
  const ended = counted.reduce((sum, { newlines }) => sum + newlines, 0);
  const open = counted.at(-1)?.open === true ? 1 : 0;
  return Math.max(-1, ended + open - lines);
}

/** The chunk in which the given number of lines is over, and how many of them end in it. */
function chunkAfter(
  counted: Counted[],
  lines: number,
): { chunk: Counted; newlines: number } | undefined {
  let before = 0;
  for (const chunk of counted) {
    if (lines > 0 && before + chunk.newlines >= lines) return { chunk, newlines: lines - before };
    before += chunk.newlines;
  }
  return undefined;
}

function newlinesIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

function afterNewlines(bytes: Uint8Array, newlines: number): number {
  let at = 0;
  for (let left = newlines; left > 0; left -= 1) at = bytes.indexOf(NEWLINE, at) + 1;
  return at;
}
