// Opens a file of a directory that somebody else fills, sure that it is in there.
import { constants } from "node:fs";
import { lstat, open, realpath, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

export type Opened = { file: FileHandle; bytes: number; mode: number };

const PERMISSIONS = 0o777;
// a pipe that stands in the file's place must not hold us up
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The regular file at a path below `root`, which is a real path; undefined when it is none, can be reached by a link only,
 * or is not `owner`'s: a hard link to somebody else's. Rejects with the system's error.
 */
export async function openInside(
  root: string,
  path: string,
  owner: number | undefined,
): Promise<Opened | undefined> {
  const full = join(root, path);
  const file = await open(full, FLAGS);
  try {
    const opened = await file.stat();
    const there = await lstat(full);
    const isThere = there.ino === opened.ino && there.dev === opened.dev;
    const isOwn = owner === undefined || opened.uid === owner;
    if (opened.isFile() && isThere && isOwn && (await realpath(full)) === full)
      return { file, bytes: opened.size, mode: opened.mode & PERMISSIONS };
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}
