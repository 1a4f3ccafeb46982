// What a reader of output gets, and how a stored chunk becomes that.
import {
  CHUNK_HEADER,
  decodeLogRecord,
  offsetsAfter,
  type Channel,
  type Closing,
  type DropReason,
  type LogRecord,
} from "../../shared/chunk.ts";
import type { Stored } from "../../shared/io/wire.ts";
import type { OutputTotals } from "../../shared/job.ts";
import { encodeCursor } from "./cursor.ts";

/** Every entry's cursor continues after it. */
export type LogEntry = ChunkEntry | GapEntry | EndEntry;

export type ChunkEntry = {
  kind: "chunk";
  attempt: number;
  /** Place in the attempt's log. */
  no: number;
  channel: Channel;
  /** Of the first byte, within the channel. */
  offset: number;
  /** When the first byte was read; epoch milliseconds. */
  at: number;
  bytes: Uint8Array;
  cursor: string;
};

/** Bytes that the attempt wrote and nobody can read. expired: they are not in the log any more. */
export type GapEntry = {
  kind: "gap";
  attempt: number;
  channel: Channel;
  offset: number;
  dropped: number;
  reason: DropReason | "expired";
  cursor: string;
};

/** Nothing more will come of this attempt. `complete` is false when its worker did not say that this is all. */
export type EndEntry = {
  kind: "end";
  attempt: number;
  complete: boolean;
  totals?: OutputTotals | Closing;
  cursor: string;
};

/** A stored chunk with the entries that it is for readers; shared by all of them. */
export type LogItem = {
  seq: number;
  /** Sequence of the attempt's message before it; known of live ones only. */
  previous: number;
  record: LogRecord;
  size: number;
  /** What the chunk holds, if anything beside the closing. */
  content?: ChunkEntry | GapEntry;
  end?: EndEntry;
};

/** Undefined for what no worker of ours has written. */
export function itemOf(job: string, attempt: number, stored: Stored): LogItem | undefined {
  const record = decodeLogRecord(stored.header(CHUNK_HEADER));
  if (record === undefined || stored.removed) return undefined;
  const { seq, previous, data } = stored;
  const item: LogItem = { seq, previous, record, size: data.length };
  const { no, at, part, closing } = record;
  const offsets =
    part === undefined ? record.offsets : offsetsAfter(record.offsets, part, data.length);
  const after = { job, attempt, seq, next: no + 1, offsets, ended: false };
  // who stopped between the bytes and the closing of one chunk reads that chunk again for its closing
  const cursor = encodeCursor(closing === undefined ? after : { ...after, seq: seq - 1 });
  if (part?.kind === "bytes") {
    const { channel } = part;
    const offset = record.offsets[channel];
    item.content = { kind: "chunk", attempt, no, channel, offset, at, bytes: data, cursor };
  } else if (part !== undefined) {
    item.content = { ...part, attempt, offset: record.offsets[part.channel], cursor };
  }
  if (closing !== undefined) {
    const last = encodeCursor({ ...after, ended: true });
    item.end = { kind: "end", attempt, complete: true, totals: closing, cursor: last };
  }
  return item;
}
