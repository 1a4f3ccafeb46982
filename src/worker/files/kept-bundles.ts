// Bundles that outlive the worker that unpacked them: each has a note beside its files, written last, of what they must be found to be.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

import { digestSchema, digitsOf, isDigest, type Digest } from "../../shared/file.ts";
import type { Log } from "../../shared/io/log.ts";
import { decodeStored } from "../../shared/stored.ts";
import { treeDigest } from "./tree-digest.ts";

export type KeptBundle = { digest: Digest; dir: string; bytes: number; tree: Digest };

const NOTE_FILE = "note.json";
const DIGITS = 64;

const noteSchema = z.object({
  v: z.literal(1),
  /** Unpacked. */
  bytes: z.int().min(1),
  tree: digestSchema,
});

/** Where the content of a bundle is within its directory. */
export const filesIn = (dir: string): string => join(dir, "files");

/** To be called when all is unpacked. */
export async function writeNote(dir: string, bytes: number): Promise<void> {
  const note = { v: 1, bytes, tree: await treeDigest(filesIn(dir)) };
  await writeFile(join(dir, NOTE_FILE), JSON.stringify(note));
}

/** False also when it cannot be read. */
export async function isAsNoted({ dir, tree }: KeptBundle): Promise<boolean> {
  try {
    return (await treeDigest(filesIn(dir))) === tree;
  } catch {
    return false;
  }
}

/** The bundles in a directory, where one is called by its digits and perhaps a number. What has no note is passed over. */
export async function keptIn(root: string): Promise<KeptBundle[]> {
  const names = await readdir(root).catch(() => []); // nothing was kept
  const found = await Promise.all(names.map((name) => keptAs(root, name)));
  return found.filter((kept) => kept !== undefined);
}

async function keptAs(root: string, name: string): Promise<KeptBundle | undefined> {
  const digest = `sha256:${name.slice(0, DIGITS)}`;
  const dir = join(root, name);
  const text = await readFile(join(dir, NOTE_FILE), "utf8").catch(() => "");
  const note = decodeStored(text, noteSchema);
  if (note === undefined || !isDigest(digest)) return undefined;
  return { digest, dir, bytes: note.bytes, tree: note.tree };
}

/** Moves the bundles of one directory into another, and removes the first. Never throws: what is not moved is fetched again. */
export async function handOn(from: string, to: string, log: Log): Promise<void> {
  const kept = await keptIn(from);
  try {
    if (kept.length > 0) await mkdir(to, { recursive: true, mode: 0o700 });
    // one that is there already, or that another worker was quicker to take, is no loss
    for (const { digest, dir } of kept)
      await rename(dir, join(to, digitsOf(digest))).catch(() => {});
    await rm(from, { recursive: true, force: true });
  } catch (error) {
    log.warn({ event: "bundles_not_kept", from, error }, "bundles will be fetched again");
  }
}
