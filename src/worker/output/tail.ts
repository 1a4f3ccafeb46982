// Keeps the newest bytes of an attempt that may not keep them all, and knows exactly what it dropped. Pure.
import { CHANNELS, type Channel, type DropReason, type LogPart } from "../../shared/chunk.ts";
import { createChunker, type Segment } from "./chunker.ts";

export type Tail = {
  write(channel: Channel, offset: number, at: number, bytes: Uint8Array): void;
  add(segment: Segment): void;
  /** One gap for each channel that lost something, then what was kept, oldest first. The tail is empty afterwards. */
  drain(reason: DropReason): Segment[];
};

type Missing = { offset: number; end: number; at: number };

/** Holds up to `limit` bytes and one chunk more while it is being filled; gives out at most `limit`. */
export function createTail(limit: number, chunkBytes: number): Tail {
  const kept = createChunker(chunkBytes);
  const missing: Partial<Record<Channel, Missing>> = {};

  function drop({ part, at, bytes }: Segment): void {
    const end = part.offset + (part.kind === "gap" ? part.dropped : bytes.length);
    const known = missing[part.channel];
    if (known === undefined) missing[part.channel] = { offset: part.offset, end, at };
    else known.end = end;
  }

  function shrink(slack: number): void {
    while (kept.size > limit + slack) drop(kept.take()!);
  }

  /** The oldest segment, cut so that everything together is within the limit. */
  function takeCut(): Segment | undefined {
    const excess = kept.size - limit;
    const oldest = kept.take();
    if (oldest === undefined || excess <= 0) return oldest;
    const { part, at, bytes } = oldest;
    drop({ part, at, bytes: bytes.subarray(0, excess) });
    if (bytes.length <= excess) return takeCut();
    const rest = { ...part, offset: part.offset + excess };
    return { part: rest, at, bytes: bytes.subarray(excess) };
  }

  return {
    write(channel, offset, at, bytes) {
      kept.write(channel, offset, at, bytes);
      shrink(chunkBytes);
    },
    add(segment) {
      kept.add(segment);
      shrink(chunkBytes);
    },
    drain(reason) {
      const segments: Segment[] = [];
      for (let next = takeCut(); next !== undefined; next = takeCut()) segments.push(next);
      const gaps = CHANNELS.flatMap((channel) => gapOf(channel, missing[channel], reason));
      for (const channel of CHANNELS) delete missing[channel];
      return [...gaps, ...segments];
    },
  };
}

function gapOf(channel: Channel, lost: Missing | undefined, reason: DropReason): Segment[] {
  if (lost === undefined || lost.end === lost.offset) return [];
  const { offset, end, at } = lost;
  const part: LogPart = { kind: "gap", channel, offset, dropped: end - offset, reason };
  return [{ part, at, bytes: new Uint8Array() }];
}
