// Gathers what an attempt writes into chunks: a queue of pieces, in the order in which they were read. Pure.
import { offsetsAfter, type Channel, type LogPart, type Offsets } from "../../shared/chunk.ts";

/** A piece of output on its way to the log; a gap has no bytes. */
export type Segment = { part: LogPart; offsets: Offsets; at: number; bytes: Uint8Array };

export type Chunker = {
  /** Bytes that wait. */
  readonly size: number;
  readonly isEmpty: boolean;
  /** True when the oldest segment will not grow any more. */
  readonly hasWhole: boolean;
  /** Keeps the bytes: the caller does not change them afterwards. */
  write(channel: Channel, offsets: Offsets, at: number, bytes: Uint8Array): void;
  /** Appends a segment as it is. */
  add(segment: Segment): void;
  /** The oldest segment, whole or not. */
  take(): Segment | undefined;
};

type Gathered = Omit<Segment, "bytes"> & { buffer: Uint8Array; size: number };

const SMALLEST_BUFFER = 1_024;

/** Segments are of one channel and of at most `limit` bytes. A write is divided only where it is longer than that: large ones are never copied. */
export function createChunker(limit: number): Chunker {
  const queue: Gathered[] = [];
  let size = 0;

  /** The newest segment when it can take so many more bytes of that channel. */
  function newestWithRoom(channel: Channel, bytes: number): Gathered | undefined {
    const newest = queue.at(-1);
    const fits = newest?.part.kind === "bytes" && newest.part.channel === channel;
    return fits && newest.size + bytes <= limit ? newest : undefined;
  }

  return {
    get size() {
      return size;
    },
    get isEmpty() {
      return queue.length === 0;
    },
    get hasWhole() {
      return queue.length > 1 || (queue[0]?.size ?? 0) >= limit;
    },
    write(channel, offsets, at, bytes) {
      size += bytes.length;
      const newest = newestWithRoom(channel, bytes.length);
      if (newest !== undefined) return append(newest, bytes, limit);
      const part: LogPart = { kind: "bytes", channel };
      for (let done = 0; done < bytes.length; done += limit) {
        const buffer = bytes.subarray(done, done + limit);
        const where = offsetsAfter(offsets, part, done);
        queue.push({ part, offsets: where, at, buffer, size: buffer.length });
      }
    },
    add({ bytes, ...about }) {
      size += bytes.length;
      queue.push({ ...about, buffer: bytes, size: bytes.length });
    },
    take() {
      const oldest = queue.shift();
      if (oldest === undefined) return undefined;
      size -= oldest.size;
      const { buffer, size: length, ...about } = oldest;
      return { ...about, bytes: buffer.subarray(0, length) };
    },
  };
}

/** Copies, so that a flood of tiny writes keeps one buffer and not one per write. */
function append(segment: Gathered, bytes: Uint8Array, limit: number): void {
  const needed = segment.size + bytes.length;
  if (needed > segment.buffer.length) {
    const capacity = Math.min(limit, Math.max(SMALLEST_BUFFER, needed, 2 * segment.buffer.length));
    const grown = new Uint8Array(capacity);
    grown.set(segment.buffer.subarray(0, segment.size));
    segment.buffer = grown;
  }
  segment.buffer.set(bytes, segment.size);
  segment.size = needed;
}
