// Unpacks an archive into a directory of its own, and makes private copies of what was unpacked.
import {
  chmod,
  constants,
  copyFile,
  lchown,
  mkdir,
  open,
  readdir,
  readlink,
  symlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";

import { BUNDLE_LIMITS, type ArchiveFacts, type Placed } from "../../shared/archive.ts";
import { readArchive } from "../../shared/io/archive.ts";
import { inLanes } from "../../shared/io/insist.ts";
import type { User } from "../launcher/protocol.ts";

const LANES = 8;

/** The directory must not exist yet. Throws `invalid_archive`, what the source throws, and the system's errors. */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  dir: string,
): Promise<ArchiveFacts> {
  await mkdir(dir);
  const links: Extract<Placed, { kind: "link" }>[] = [];
  const facts = await readArchive(source, BUNDLE_LIMITS, async (placed, content) => {
    const path = join(dir, placed.path);
    await mkdir(placed.kind === "directory" ? path : dirname(path), { recursive: true });
    if (placed.kind === "file") await writeNew(path, content, placed.executable ? 0o555 : 0o444);
    else if (placed.kind === "copy") await copyFile(join(dir, placed.of), path);
    else if (placed.kind === "link") links.push(placed);
  });
  // last: until now nothing could be written through one
  for (const { path, target } of links) await symlink(target, join(dir, path));
  return facts;
}

async function writeNew(
  path: string,
  content: AsyncIterable<Uint8Array>,
  mode: number,
): Promise<void> {
  await using file = await open(path, "wx", mode);
  for await (const bytes of content) await file.writeFile(bytes);
}

/** Copies what is in one directory into another, which its owner may change: as clones where the file system can. */
export async function copyTree(from: string, to: string, user?: User): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  await inLanes(LANES, entries.length, async (index) => {
    const entry = entries[index]!;
    const path = join(to, entry.name);
    const original = join(from, entry.name);
    if (entry.isDirectory()) await mkdir(path, { mode: 0o755 });
    else if (entry.isSymbolicLink()) await symlink(await readlink(original), path);
    else await copyOne(original, path);
    if (user !== undefined) await lchown(path, user.uid, user.gid);
    if (entry.isDirectory()) await copyTree(original, path, user);
  });
}

async function copyOne(original: string, path: string): Promise<void> {
  await copyFile(original, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await using file = await open(path, constants.O_RDONLY);
  const { mode } = await file.stat();
  await chmod(path, (mode & 0o777) | 0o200);
}
