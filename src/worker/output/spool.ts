// Output that waits on disk for the broker: a queue in one file that has no name, so that nothing is left behind.
import { mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

import { nanoid } from "nanoid";

import type { LogPart, Offsets } from "../../shared/chunk.ts";
import type { Budget } from "./budget.ts";
import type { Segment } from "./chunker.ts";

export type Spool = AsyncDisposable & {
  /** Bytes of the file that were not read yet. */
  readonly waiting: number;
  /** False when there is no room for all of them; then none is kept. */
  append(segments: readonly Segment[]): Promise<boolean>;
  /** The oldest segments, as many as fit into one read; an empty list when there is none, or when what was kept cannot be read and is lost. */
  read(): Promise<Segment[]>;
};

export type SpoolOptions = {
  dir: string;
  /** Most bytes of the file. Space is given back when everything was read. */
  limitBytes: number;
  /** What the spools of all attempts may take together. */
  budget: Budget;
  /** Told why nothing can be kept on this disk any more. */
  onFailure(error: unknown): void;
};

const READ_BYTES = 262_144;
const PREFIX_BYTES = 8;

/** Calls must not overlap: the owner appends and reads one at a time. */
export function createSpool({ dir, limitBytes, budget, onFailure }: SpoolOptions): Spool {
  let file: FileHandle | undefined;
  let readAt = 0;
  let end = 0;
  let longest = 0;

  async function write(block: Buffer): Promise<void> {
    file ??= await openNameless(dir);
    for (let done = 0; done < block.length;) {
      const { bytesWritten } = await file.write(block, done, block.length - done, end + done);
      done += bytesWritten;
    }
  }

  async function readSome(from: FileHandle): Promise<Segment[]> {
    const block = Buffer.allocUnsafe(Math.min(Math.max(READ_BYTES, longest), end - readAt));
    const { bytesRead } = await from.read(block, 0, block.length, readAt);
    const { segments, used } = decode(block.subarray(0, bytesRead));
    if (used === 0) throw new Error("the spool file ends before what was written to it");
    readAt += used;
    return segments;
  }

  async function empty(): Promise<void> {
    await file?.truncate(0);
    budget.give(end);
    readAt = end = 0;
  }

  async function close(): Promise<void> {
    const closing = file;
    file = undefined;
    budget.give(end);
    readAt = end = 0;
    await closing?.close();
  }

  return {
    get waiting() {
      return end - readAt;
    },
    async append(segments) {
      const records = segments.map(encode);
      const block = Buffer.concat(records);
      if (end + block.length > limitBytes || !budget.hasRoom(block.length)) return false;
      budget.take(block.length);
      try {
        await write(block);
      } catch (error) {
        budget.give(block.length);
        onFailure(error);
        return false;
      }
      end += block.length;
      longest = Math.max(longest, ...records.map(({ length }) => length));
      return true;
    },
    async read() {
      if (file === undefined || readAt === end) return [];
      try {
        const segments = await readSome(file);
        if (readAt === end) await empty();
        return segments;
      } catch (error) {
        onFailure(error);
        await close();
        return [];
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

/** The file loses its name at once: its space is free again when we close it or die. */
async function openNameless(dir: string): Promise<FileHandle> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, `output-${nanoid()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}

function encode({ bytes, ...about }: Segment): Buffer {
  const head = Buffer.from(JSON.stringify(about));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32LE(head.length, 0);
  prefix.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([prefix, head, bytes]);
}

/** The whole segments of a block, and how many bytes of it they are. */
function decode(block: Buffer): { segments: Segment[]; used: number } {
  const segments: Segment[] = [];
  let used = 0;
  while (used + PREFIX_BYTES <= block.length) {
    const body = used + PREFIX_BYTES + block.readUInt32LE(used);
    const next = body + block.readUInt32LE(used + 4);
    if (next > block.length) break;
    const head = JSON.parse(block.toString("utf8", used + PREFIX_BYTES, body)) as {
      part: LogPart;
      offsets: Offsets;
      at: number;
    };
    segments.push({ ...head, bytes: block.subarray(body, next) });
    used = next;
  }
  return { segments, used };
}
