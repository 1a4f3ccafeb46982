// Keeps the newest bytes of an attempt that may not keep them all, and knows exactly what it dropped. Pure.
import {
  CHANNELS,
  offsetsAfter,
  type Channel,
  type DropReason,
  type LogPart,
  type Offsets,
} from "../../shared/chunk.ts";
import { createChunker, type Segment } from "./chunker.ts";

export type Tail = {
  write(channel: Channel, offsets: Offsets, at: number, bytes: Uint8Array): void;
  add(segment: Segment): void;
  /** One gap for each channel that lost something, then what was kept, oldest first. The tail is empty afterwards. */
  drain(reason: DropReason): Segment[];
};

/** What was dropped: everything from some offsets up to others. */
type Dropped = { at: number; from: Offsets; to: Offsets };

/** Holds up to `limit` bytes and one chunk more while it is being filled; gives out at most `limit`. */
export function createTail(limit: number, chunkBytes: number): Tail {
  const kept = createChunker(chunkBytes);
  let dropped: Dropped | undefined;

  function drop({ part, offsets, at, bytes }: Segment): void {
    dropped ??= { at, from: offsets, to: offsets };
    dropped.to = offsetsAfter(offsets, part, bytes.length);
  }

  function shrink(slack: number): void {
    while (kept.size > limit + slack) drop(kept.take()!);
  }

  /** The oldest segment, cut so that everything together is within the limit. */
  function takeCut(): Segment | undefined {
    const excess = kept.size - limit;
    const oldest = kept.take();
    if (oldest === undefined || excess <= 0) return oldest;
    const { part, offsets, bytes } = oldest;
    drop({ ...oldest, bytes: bytes.subarray(0, excess) });
    if (bytes.length <= excess) return takeCut();
    return {
      ...oldest,
      offsets: offsetsAfter(offsets, part, excess),
      bytes: bytes.subarray(excess),
    };
  }

  return {
    write(channel, offsets, at, bytes) {
      kept.write(channel, offsets, at, bytes);
      shrink(chunkBytes);
    },
    add(segment) {
      kept.add(segment);
      shrink(chunkBytes);
    },
    drain(reason) {
      const segments: Segment[] = [];
      for (let next = takeCut(); next !== undefined; next = takeCut()) segments.push(next);
      const gaps = dropped === undefined ? [] : gapsOf(dropped, reason);
      dropped = undefined;
      return [...gaps, ...segments];
    },
  };
}

function gapsOf({ at, from, to }: Dropped, reason: DropReason): Segment[] {
  const gaps: Segment[] = [];
  let offsets = from;
  for (const channel of CHANNELS) {
    const part: LogPart = { kind: "gap", channel, dropped: to[channel] - from[channel], reason };
    if (part.dropped === 0) continue;
    gaps.push({ part, offsets, at, bytes: new Uint8Array() });
    offsets = offsetsAfter(offsets, part, 0);
  }
  return gaps;
}
