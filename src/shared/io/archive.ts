// Reads and writes tar archives, plain or gzipped: entry by entry, checked, with bounded memory.
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { extract, pack, type Header, type Pack } from "tar-stream";

import {
  createArchiveRules,
  type ArchiveEntry,
  type ArchiveFacts,
  type ArchiveLimits,
  type Placed,
} from "../archive.ts";
import { MillraceError } from "../errors.ts";

/** Is told of each entry in turn, and reads the content of files. */
export type Visit = (placed: Placed, content: AsyncIterable<Uint8Array>) => Promise<void>;

const BLOCK = 512;
const GZIP = 0x1f8b;

/** Throws `invalid_archive` for what breaks a rule, or is no whole archive; and what the source or `visit` throws. */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  visit: Visit,
): Promise<ArchiveFacts> {
  const rules = createArchiveRules(limits);
  const archive = extract();
  const failures: unknown[] = [];
  let size = 0;
  let end = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const bytes of plain(source)) {
      size += bytes.length;
      yield bytes;
    }
  }
  const feeding = pipeline(counted(), asWritable(archive)).catch((error: unknown) => {
    failures.push(error);
  });
  try {
    for await (const entry of archive) {
      const { header, offset } = entry;
      end = offset + BLOCK + Math.ceil(header.size / BLOCK) * BLOCK;
      const placed = rules.place(entryOf(header));
      if (placed !== undefined) await visit(placed, entry as AsyncIterable<Uint8Array>);
      entry.resume();
    }
  } catch (error) {
    archive.destroy();
    await feeding;
    throw failureOf(failures[0] ?? error, error);
  }
  await feeding;
  if (failures.length > 0) throw failureOf(failures[0], failures[0]);
  // it ends with an empty block: without one it was cut, maybe between two entries
  if (size < end + BLOCK) throw failureOf("its end is missing", undefined);
  return rules.facts();
}

/** Our own errors, and the system's, as they are; what the parser says is about the archive. */
function failureOf(first: unknown, thrown: unknown): unknown {
  for (const error of [first, thrown])
    if (error instanceof MillraceError || (error instanceof Error && "syscall" in error))
      return error;
  const text = first instanceof Error ? first.message : String(first);
  return new MillraceError("invalid_archive", `It is no whole tar archive: ${text}.`, {
    cause: first,
  });
}

/** As it is in the archive: what is missing there has been seen to be null. */
function entryOf(header: Header): ArchiveEntry {
  const { name, type, size, mode, linkname } = header as { [K in keyof Header]: Header[K] | null };
  return {
    name: name ?? "",
    type: type ?? "thing of an unknown kind",
    size: size ?? 0,
    mode: mode ?? 0,
    linkname: linkname ?? "",
  };
}

/** What a gzipped source has inside. */
async function* plain(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [first, rest] = await beginning(source);
  if (first.length < 2 || Buffer.from(first).readUInt16BE() !== GZIP) return yield* rest;
  const gunzip = createGunzip();
  let failure: unknown;
  const feeding = pipeline(Readable.from(rest), gunzip).catch((error: unknown) => {
    failure = error;
  });
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    await feeding;
    throw failure ?? error;
  }
}

/** At least two bytes, where there are so many, and everything from the beginning. */
async function beginning(
  source: AsyncIterable<Uint8Array>,
): Promise<[first: Uint8Array, all: AsyncIterable<Uint8Array>]> {
  const iterator = source[Symbol.asyncIterator]();
  let first: Uint8Array = new Uint8Array();
  while (first.length < 2) {
    const next = await iterator.next();
    if (next.done) break;
    first = Buffer.concat([first, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield first;
      for (let next = await iterator.next(); !next.done; next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return [first, all()];
}

/**
 * A directory (its content, not itself) or a single file as a gzipped archive, in which the order, the times and the owners
 * are always the same: what has not changed has the same digest. Sockets, devices and the like are left out.
 */
export function writeArchive(path: string): AsyncIterable<Uint8Array> {
  const archive = pack();
  const zipped = createGzip();
  const zipping = pipeline(archive as AsyncIterable<Uint8Array>, zipped);
  // it fails where the result is read
  zipping.catch(() => {});
  void fill(archive, path).catch((error: Error) => archive.destroy(error));
  return zipped;
}

async function fill(archive: Pack, path: string): Promise<void> {
  const info = await lstat(path);
  if (info.isDirectory()) await addChildren(archive, path, "");
  else await addEntry(archive, path, path.slice(path.lastIndexOf("/") + 1));
  archive.finalize();
}

async function addChildren(archive: Pack, dir: string, name: string): Promise<void> {
  for (const child of (await readdir(dir)).toSorted())
    await addEntry(archive, join(dir, child), name === "" ? child : `${name}/${child}`);
}

const NO_TIME = new Date(0);

async function addEntry(archive: Pack, path: string, name: string): Promise<void> {
  const info = await lstat(path);
  const common = { name, mtime: NO_TIME, uid: 0, gid: 0 };
  if (info.isDirectory()) {
    archive.entry({ ...common, type: "directory", mode: 0o755 });
    await addChildren(archive, path, name);
  } else if (info.isSymbolicLink()) {
    archive.entry({ ...common, type: "symlink", linkname: await readlink(path) });
  } else if (info.isFile()) {
    const mode = (info.mode & 0o111) === 0 ? 0o644 : 0o755;
    const entry = archive.entry({ ...common, mode, size: info.size });
    await pipeline(createReadStream(path), asWritable(entry));
  }
}

/** The library's streams are Node's in all but their types. */
const asWritable = (stream: object): NodeJS.WritableStream => stream as NodeJS.WritableStream;
