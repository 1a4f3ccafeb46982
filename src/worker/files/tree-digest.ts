// One digest for all that a directory holds: names, contents, links, and what may be run.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

import { digestOf, type Digest } from "../../shared/file.ts";
import { inLanes } from "../../shared/io/insist.ts";

const LANES = 8;
const EXECUTABLE = 0o100;

/** Rejects with the system's error. */
export async function treeDigest(dir: string): Promise<Digest> {
  return digestOf(Buffer.from(JSON.stringify(await describe(dir))));
}

type Description = { [name: string]: string | Description };

async function describe(dir: string): Promise<Description> {
  const names = (await readdir(dir)).toSorted();
  const parts: Description = Object.fromEntries(names.map((name) => [name, ""]));
  await inLanes(LANES, names.length, async (index) => {
    const name = names[index]!;
    parts[name] = await describeOne(join(dir, name));
  });
  return parts;
}

async function describeOne(path: string): Promise<string | Description> {
  const stats = await lstat(path);
  if (stats.isDirectory()) return describe(path);
  if (stats.isSymbolicLink()) return `-> ${await readlink(path)}`;
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return `${(stats.mode & EXECUTABLE) === 0 ? "" : "x "}${hash.digest("hex")}`;
}
