// Writes a file that a server sent below a directory, whole or not at all, and nowhere else.
import { createHash } from "node:crypto";
import { chmod, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { isArtifactPath, type Artifact } from "../shared/artifact.ts";
import { digestIn, type Digest } from "../shared/digest.ts";
import { MillraceError } from "../shared/errors.ts";

/** Its owner may always read and replace it. */
const OWN_MODE = 0o600;

/** Replaces what stands there. Resolves to where it is; throws `file_damaged` when it is not what was listed. */
export async function saveFile(
  dir: string,
  { path, digest, mode }: Artifact,
  content: AsyncIterable<Uint8Array>,
): Promise<string> {
  const target = join(dir, path);
  if (!isArtifactPath(path)) throw refused(path, "its name leads elsewhere");
  await mkdir(dirname(target), { recursive: true });
  if ((await realpath(dirname(target))) !== join(await realpath(dir), dirname(path)))
    throw refused(path, "a link in the directory leads elsewhere");
  const draft = `${target}.${process.pid}.part`;
  try {
    if ((await write(draft, content)) !== digest)
      throw new MillraceError(
        "file_damaged",
        `${path} did not arrive as it was stored; try again.`,
      );
    await chmod(draft, mode | OWN_MODE);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return target;
}

/** Resolves to the digest of what was written. */
async function write(path: string, content: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hash = createHash("sha256");
  const file = await open(path, "wx", OWN_MODE);
  try {
    for await (const bytes of content) {
      hash.update(bytes);
      await file.writeFile(bytes);
    }
  } finally {
    await file.close();
  }
  return digestIn(hash);
}

const refused = (path: string, why: string): MillraceError =>
  new MillraceError("invalid_spec", `${path} is not written: ${why}.`);
