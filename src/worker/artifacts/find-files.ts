// Finds the files of a directory that patterns mean, never by way of a link.
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

import { isArtifactPath } from "../../shared/artifact.ts";
import { compilePattern } from "../../shared/artifact-pattern.ts";
import type { LeftOut } from "./left-out.ts";

export type FoundFile = { path: string; bytes: number };

type Names = readonly string[];
type Kind = { isDirectory(): boolean; isFile(): boolean; isSymbolicLink(): boolean };

/** A directory with more is not looked through to its end. */
const MAX_NAMES = 100_000;

/** Sorted by path. What fits a pattern and cannot be kept is told to `leftOut`. */
export async function findFiles(
  root: string,
  texts: readonly string[],
  leftOut: LeftOut,
): Promise<FoundFile[]> {
  const patterns = texts.map(compilePattern);
  const found: FoundFile[] = [];
  let seen = 0;

  async function consider(names: Names, kind: Kind): Promise<void> {
    if (kind.isDirectory()) return enter(names);
    if (!patterns.some((pattern) => pattern.matches(names))) return;
    const path = names.join("/");
    if (kind.isSymbolicLink()) leftOut.add(path, "that are links");
    else if (!kind.isFile()) leftOut.add(path, "that are no regular files");
    else if (!isArtifactPath(path)) leftOut.add(path, "with names that cannot be kept");
    else found.push({ path, bytes: (await lstat(join(root, path))).size });
  }

  async function enter(dir: Names): Promise<void> {
    try {
      for await (const entry of await opendir(join(root, ...dir))) {
        const names = [...dir, entry.name];
        seen += 1;
        if (seen > MAX_NAMES)
          return leftOut.add(names.join("/"), `beyond the first ${MAX_NAMES} names, and all after`);
        await consider(names, entry);
      }
    } catch {
      leftOut.add(dir.join("/"), "that cannot be read");
    }
  }

  /** Goes to where a pattern begins, as far as that is there. */
  async function begin(base: Names): Promise<void> {
    for (const depth of base.keys()) {
      const names = base.slice(0, depth + 1);
      const kind = await lstat(join(root, ...names)).catch(() => undefined);
      if (kind === undefined) return;
      if (!kind.isDirectory()) return consider(names, kind);
    }
    await enter(base);
  }

  for (const base of outermost(patterns.map((pattern) => pattern.base))) await begin(base);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Each once, without those that lie within another. */
function outermost(bases: readonly Names[]): Names[] {
  const isWithin = (inner: Names, outer: Names): boolean =>
    outer.every((name, depth) => inner[depth] === name);
  return bases.filter(
    (base, place) =>
      !bases.some((other, otherPlace) =>
        other.length < base.length
          ? isWithin(base, other)
          : otherPlace < place && other.length === base.length && isWithin(base, other),
      ),
  );
}
