// Puts an attempt's chunks in order: each number once, in sequence, and what is missing as a gap. Pure.
//
// A worker sends everything again from the first chunk that is not known to be stored. So a number that is too high
// comes again after the one that is missing, unless the log's retention took that one.
import { CHANNELS, offsetsAfter, type Offsets } from "../../shared/chunk.ts";
import { encodeCursor, type Position } from "./cursor.ts";
import type { ChunkEntry, GapEntry, LogEntry, LogItem } from "./entry.ts";

export type Start = Position & {
  /** Bytes to leave out at the beginning of a chunk. */
  cut?: { no: number; bytes: number };
};

export type Track = {
  /** Last stream sequence that was read; goes back when chunks that were left out are needed after all. */
  readonly seq: number;
  readonly ended: boolean;
  readonly position: Position;
  take(item: LogItem): LogEntry[];
  /** Nothing more is stored: what is missing will not come. True when there is more to read from `seq` on. */
  accept(): boolean;
};

export const beginning = (job: string, attempt: number): Start => {
  return { job, attempt, seq: 0, next: 0, offsets: { stdout: 0, stderr: 0 }, ended: false };
};

export function createTrack(start: Start): Track {
  const { job, attempt } = start;
  let { seq, next, offsets, ended } = start;
  /** The lowest number that was left out because an earlier one is missing. */
  let ahead: { no: number; seq: number } | undefined;

  function goBack(to: { no: number; seq: number }): void {
    next = to.no;
    seq = to.seq - 1;
    ahead = undefined;
  }

  /** True when the item is not for now: what comes before it may still come, or is further back. */
  function isAhead({ seq: at, record: { no, acked } }: LogItem): boolean {
    if (ahead === undefined || no < ahead.no) ahead = { no, seq: at };
    if (ahead.no < acked) {
      goBack(ahead);
      return true;
    }
    // everything below `acked` was stored, and was not there to be read
    next = Math.max(next, acked);
    return no > next;
  }

  /** What is missing up to there; whoever goes on after such a gap reads the item again. */
  function gapsUpTo(there: Offsets, item: LogItem): GapEntry[] {
    const gaps: GapEntry[] = [];
    for (const channel of CHANNELS) {
      const offset = offsets[channel];
      const dropped = there[channel] - offset;
      if (dropped <= 0) continue;
      offsets = { ...offsets, [channel]: there[channel] };
      const cursor = encodeCursor({ job, attempt, seq: item.seq - 1, next, offsets, ended: false });
      gaps.push({ kind: "gap", attempt, channel, offset, dropped, reason: "expired", cursor });
    }
    return gaps;
  }

  function cut(content: ChunkEntry | GapEntry): ChunkEntry | GapEntry {
    if (content.kind === "gap" || start.cut?.no !== content.no) return content;
    const { bytes } = start.cut;
    return { ...content, offset: content.offset + bytes, bytes: content.bytes.subarray(bytes) };
  }

  function contents(item: LogItem): LogEntry[] {
    const { content, record } = item;
    const gaps = gapsUpTo(record.offsets, item);
    next = record.no + 1;
    ahead = undefined;
    if (record.part !== undefined) offsets = offsetsAfter(record.offsets, record.part, item.size);
    return content === undefined ? gaps : [...gaps, cut(content)];
  }

  function ending(item: LogItem): LogEntry[] {
    const { closing } = item.record;
    if (closing === undefined || item.end === undefined) return [];
    ended = true;
    return [...gapsUpTo(closing, item), item.end];
  }

  return {
    get seq() {
      return seq;
    },
    get ended() {
      return ended;
    },
    get position() {
      return { job, attempt, seq, next, offsets, ended };
    },
    take(item) {
      const { no } = item.record;
      seq = item.seq;
      if (ended) return [];
      if (no < next) return no === next - 1 ? ending(item) : [];
      if (no > next && isAhead(item)) return [];
      return [...contents(item), ...ending(item)];
    },
    accept() {
      if (ahead === undefined || ended) return false;
      goBack(ahead);
      return true;
    },
  };
}
