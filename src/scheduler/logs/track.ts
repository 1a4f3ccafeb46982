// Puts an attempt's chunks in order: each number once, in sequence, and what is missing as a gap. Pure.
//
// A worker sends everything again from the first chunk that is not known to be stored. So a number that is too high
// comes again after the one that is missing, unless the log's retention took that one.
import { CHANNELS, type Channel } from "../../shared/chunk.ts";
import { encodeCursor, type Position } from "./cursor.ts";
import type { ChunkEntry, GapEntry, LogEntry, LogItem } from "./entry.ts";

export type Start = Position & {
  /** Bytes to leave out at the beginning of a chunk. */
  cut?: { no: number; bytes: number };
};

export type Track = {
  /** Last stream sequence that was read; goes back when chunks that were left out are needed after all. */
  readonly seq: number;
  readonly next: number;
  readonly ended: boolean;
  readonly cursor: string;
  take(item: LogItem): LogEntry[];
  /** Nothing more is stored: what is missing will not come. True when there is more to read from `seq` on. */
  accept(): boolean;
};

export const beginning = (job: string, attempt: number): Start => {
  return { job, attempt, seq: 0, next: 0, ended: false };
};

export function createTrack(start: Start): Track {
  const { job, attempt } = start;
  const fresh = start.next === 0;
  /** Bytes seen of each channel; unknown when reading begins in the middle. */
  const seen: Partial<Record<Channel, number>> = fresh ? { stdout: 0, stderr: 0 } : {};
  let { seq, next, ended } = start;
  /** The lowest number that was left out because an earlier one is missing. */
  let ahead: { no: number; seq: number } | undefined;
  let lost = false;

  const cursor = () => encodeCursor({ job, attempt, seq, next, ended });

  function goBack(to: { no: number; seq: number }): void {
    next = to.no;
    seq = to.seq - 1;
    lost = true;
    ahead = undefined;
  }

  function gapBefore({ channel, offset }: ChunkEntry | GapEntry): GapEntry[] {
    const expected = seen[channel];
    const unknown = lost && expected === undefined;
    if (!unknown && (expected === undefined || offset <= expected)) return [];
    const dropped = offset - (expected ?? offset);
    const from = offset - dropped;
    return [
      { kind: "gap", attempt, channel, offset: from, dropped, reason: "expired", cursor: cursor() },
    ];
  }

  function cut(content: ChunkEntry | GapEntry): ChunkEntry | GapEntry {
    if (content.kind === "gap" || start.cut?.no !== content.no) return content;
    const { bytes } = start.cut;
    return { ...content, offset: content.offset + bytes, bytes: content.bytes.subarray(bytes) };
  }

  function contents(content: ChunkEntry | GapEntry): LogEntry[] {
    const gaps = gapBefore(content);
    const length = content.kind === "gap" ? content.dropped : content.bytes.length;
    seen[content.channel] = content.offset + length;
    lost = false;
    return [...gaps, cut(content)];
  }

  /** What a channel lost after its last chunk is known from the totals only. */
  function ends(item: LogItem): LogEntry[] {
    if (item.end === undefined) return [];
    ended = true;
    const totals = item.record.closing!;
    const gaps = CHANNELS.flatMap((channel): GapEntry[] => {
      const offset = seen[channel];
      const dropped = totals[channel] - (offset ?? totals[channel]);
      if (offset === undefined || dropped <= 0) return [];
      return [
        { kind: "gap", attempt, channel, offset, dropped, reason: "expired", cursor: cursor() },
      ];
    });
    return [...gaps, item.end];
  }

  return {
    get seq() {
      return seq;
    },
    get next() {
      return next;
    },
    get ended() {
      return ended;
    },
    get cursor() {
      return cursor();
    },
    take(item) {
      const { no, acked } = item.record;
      seq = item.seq;
      if (ended) return [];
      if (no < next) return no === next - 1 ? ends(item) : [];
      if (no > next) {
        if (ahead === undefined || no < ahead.no) ahead = { no, seq };
        if (acked <= next) return [];
        goBack(ahead);
        if (seq + 1 < item.seq) return [];
        seq = item.seq;
      }
      next = no + 1;
      ahead = undefined;
      return [...(item.content === undefined ? [] : contents(item.content)), ...ends(item)];
    },
    accept() {
      if (ahead === undefined || ended) return false;
      goBack(ahead);
      return true;
    },
  };
}
