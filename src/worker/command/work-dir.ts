// The directory that an attempt has to itself: made before it starts, removed whatever it did to it.
import { chmod, chown, mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { JobSpec } from "../../shared/spec.ts";
import { copyTree } from "../files/unpack.ts";
import type { User } from "../launcher/protocol.ts";

export type WorkDir = {
  readonly path: string;
  /** Where the spec's script is, if it has one. */
  readonly script: string;
  /** What the program reads as its standard input. */
  readonly stdin: string;
  /** Names of the files that Millrace has put there. */
  readonly given: readonly string[];
};

/** With the content of `bundle`, if one is given. Rejects with the system's error when it cannot be written; what was made of it stays for `removeWorkDir`. */
export async function makeWorkDir(
  path: string,
  spec: Pick<JobSpec, "script" | "stdin">,
  user?: User,
  bundle?: string,
): Promise<WorkDir> {
  await mkdir(path, { mode: 0o700 });
  if (bundle !== undefined) await copyTree(bundle, path, user);
  // no file of a bundle has such a name
  const own = bundle === undefined ? "" : ".millrace-";
  const script = join(path, `${own}script`);
  const stdin = join(path, `${own}stdin`);
  if (spec.script !== undefined) await writeFile(script, spec.script, { mode: 0o700 });
  if (spec.stdin !== undefined) await writeFile(stdin, spec.stdin, { mode: 0o600 });
  if (user !== undefined) {
    if (spec.script !== undefined) await chown(script, user.uid, user.gid);
    await chown(path, user.uid, user.gid);
  }
  const given = (["script", "stdin"] as const).filter((name) => spec[name] !== undefined);
  return {
    path,
    script,
    stdin: spec.stdin === undefined ? "/dev/null" : stdin,
    given: given.map((name) => `${own}${name}`),
  };
}

export async function removeWorkDir(path: string): Promise<void> {
  try {
    await rmdir(path); // most jobs leave nothing in it
  } catch {
    await removeTree(path);
  }
}

async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await openUp(path);
    await rm(path, { recursive: true, force: true });
  }
}

/** Gives the owner every right on the directories of a tree. */
async function openUp(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await openUp(join(path, entry.name));
}
