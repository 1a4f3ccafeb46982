// The queue between an attempt and its window: in memory, then on disk, and at the end only the newest bytes.
import type { Channel, DropReason } from "../../shared/chunk.ts";
import { createChunker, type Chunker, type Segment } from "./chunker.ts";
import type { Spool } from "./spool.ts";
import { createTail, type Tail } from "./tail.ts";

export type Backlog = {
  /** Bytes in memory that could go to the disk. */
  readonly inMemory: number;
  /** True when there is nothing to take, now or later, unless more is written. */
  readonly isEmpty: boolean;
  /** True when `take` would give out something that will not grow any more. */
  readonly hasWhole: boolean;
  write(channel: Channel, at: number, bytes: Uint8Array): void;
  /** The oldest segment that is at hand; undefined also when the disk must be read first. */
  take(): Segment | undefined;
  /** Reads on from the disk when that is what stands in the way. */
  fetch(): void;
  /** Moves what is in memory to the disk. Resolves when it is there, or when it was found that there is no room. */
  spill(): Promise<void>;
  /** Nothing more will be written: the tail joins the queue. */
  finish(): void;
  dispose(): Promise<void>;
};

export type BacklogOptions = {
  chunkBytes: number;
  /** Bytes of the attempt that are kept from its beginning on, and from its end. */
  headBytes: number;
  tailBytes: number;
  openSpool(): Spool;
  /** Called when a use of the disk is over and there may be more to take. */
  onReady(): void;
  onFailure(error: unknown): void;
};

export function createBacklog(options: BacklogOptions): Backlog {
  const { chunkBytes, headBytes, tailBytes, onReady, onFailure } = options;
  const memory = createChunker(chunkBytes);
  const written: Record<Channel, number> = { stdout: 0, stderr: 0 };
  /** Was read from the disk and is older than what is still there. */
  let fetched: Segment[] = [];
  let spool: Spool | undefined;
  let tail: Tail | undefined;
  let reason: DropReason = "spool";
  /** The last of the disk's uses that are under way or wait. */
  let disk: Promise<void> | undefined;

  const onDisk = () => spool !== undefined && spool.waiting > 0;
  const memoryIsNext = () => fetched.length === 0 && disk === undefined && !onDisk();

  /** One use of the disk at a time, in order. */
  function useDisk(act: () => Promise<void> | void): Promise<void> {
    const use = (disk ?? Promise.resolve())
      .then(act)
      .catch(onFailure)
      .then(() => {
        if (disk === use) disk = undefined;
        onReady();
      });
    disk = use;
    return use;
  }

  async function moveToDisk(): Promise<void> {
    if (memory.isEmpty || tail !== undefined) return;
    spool ??= options.openSpool();
    const segments = takeAll(memory);
    if (await spool.append(segments)) return;
    const newest = startTail();
    for (const segment of [...segments, ...takeAll(memory)]) newest.add(segment);
  }

  function startTail(): Tail {
    tail ??= createTail(tailBytes, chunkBytes);
    return tail;
  }

  function flushTail(): void {
    for (const segment of tail?.drain(reason) ?? []) memory.add(segment);
    tail = undefined;
  }

  return {
    get inMemory() {
      return memory.size;
    },
    get isEmpty() {
      return memoryIsNext() && memory.isEmpty;
    },
    get hasWhole() {
      return fetched.length > 0 || (memoryIsNext() && memory.hasWhole);
    },
    write(channel, at, bytes) {
      const offsets = { ...written };
      const head = bytes.subarray(0, Math.max(0, headBytes - written.stdout - written.stderr));
      written[channel] += bytes.length;
      if (head.length > 0) (tail ?? memory).write(channel, offsets, at, head);
      if (head.length === bytes.length) return;
      reason = "cap";
      offsets[channel] += head.length;
      startTail().write(channel, offsets, at, bytes.subarray(head.length));
    },
    take() {
      if (fetched.length > 0) return fetched.shift();
      if (!memoryIsNext()) return undefined;
      // whatever made room for nothing but the newest is over: they go on
      if (memory.isEmpty && reason === "spool") flushTail();
      return memory.take();
    },
    fetch() {
      if (disk !== undefined || fetched.length > 0 || !onDisk()) return;
      void useDisk(async () => {
        fetched = (await spool?.read()) ?? [];
      });
    },
    spill: () => useDisk(moveToDisk),
    finish() {
      // a move that is under way may still start a tail
      if (disk === undefined) flushTail();
      else void useDisk(flushTail);
    },
    async dispose() {
      await disk;
      await spool?.[Symbol.asyncDispose]();
    },
  };
}

function takeAll(chunker: Chunker): Segment[] {
  const segments: Segment[] = [];
  for (let next = chunker.take(); next !== undefined; next = chunker.take()) segments.push(next);
  return segments;
}
