// Streams of unknown length, put on disk while they are measured and hashed; nothing stays behind, however the program ends.
import { createHash } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { nanoid } from "nanoid";

import { MillraceError } from "../errors.ts";
import { digestIn, type Digest } from "../file.ts";

/** Bytes whose digest is known, readable in any order. */
export type Measured = AsyncDisposable & {
  digest: Digest;
  size: number;
  /** The bytes from `from` to before `to`. */
  slice(from: number, to: number): Promise<Uint8Array>;
};

/** Throws `body_too_large` as soon as there is more than the limit. */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  { dir, limitBytes }: { dir: string; limitBytes: number },
): Promise<Measured> {
  const file = await openNameless(dir);
  try {
    const hash = createHash("sha256");
    let size = 0;
    for await (const bytes of source) {
      if (size + bytes.length > limitBytes) throw tooLarge(limitBytes);
      hash.update(bytes);
      await writeAll(file, bytes, size);
      size += bytes.length;
    }
    return {
      digest: digestIn(hash),
      size,
      slice: (from, to) => readAll(file, from, to),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export const tooLarge = (limitBytes: number): MillraceError =>
  new MillraceError("body_too_large", `At most ${limitBytes} bytes can be stored here.`);

/** A file without a name goes when it is closed, or when the program dies. */
async function openNameless(dir: string): Promise<FileHandle> {
  const path = join(dir, `.millrace-spool-${nanoid()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;)
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

async function readAll(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) throw new MillraceError("internal", "A spooled file was cut short.");
    done += bytesRead;
  }
  return bytes;
}
