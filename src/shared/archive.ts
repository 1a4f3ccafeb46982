// What an archive that is unpacked on somebody's machine may hold: rules that every entry passes, in their order. No I/O.
//
// Nothing it names lies outside of where it is unpacked, also by way of its own links: the parents of an entry are real
// directories, and a link leads up first, as far as the root at most, and then only down.
import { MillraceError } from "./errors.ts";

/** An entry as the archive has it. */
export type ArchiveEntry = {
  name: string;
  type: string;
  /** Bytes. */
  size: number;
  mode: number;
  linkname: string;
};

/** What is to be made of it. Modes but the right to be run, owners and times are not taken over. */
export type Placed =
  | { kind: "directory"; path: string }
  | { kind: "file"; path: string; executable: boolean }
  | { kind: "link"; path: string; target: string }
  /** The content of an earlier file once more. */
  | { kind: "copy"; path: string; of: string };

export type ArchiveLimits = {
  /** Files, directories and links. */
  entries: number;
  /** Of all files, unpacked. */
  bytes: number;
};

export const BUNDLE_LIMITS: ArchiveLimits = { entries: 100_000, bytes: 4 * 2 ** 30 };

/** What the archive held, once all entries were placed. */
export type ArchiveFacts = { files: number; bytes: number };

export type ArchiveRules = {
  /** Throws `invalid_archive`; undefined for the archive's own root. */
  place(entry: ArchiveEntry): Placed | undefined;
  facts(): ArchiveFacts;
};

const MAX_NAME_BYTES = 1_024;
const MAX_PART_BYTES = 255;
const MAX_DEPTH = 64;
/** Names that Millrace uses in the directories of attempts. */
const RESERVED = ".millrace";
const UNREADABLE = /[\p{Cc}\uFFFD\p{Surrogate}]/u;

type Known = { path: string; kind: Placed["kind"]; size: number };

export function createArchiveRules(limits: ArchiveLimits): ArchiveRules {
  /** By name, whatever its case: on some file systems they are one. */
  const known = new Map<string, Known>();
  let entries = 0;
  let files = 0;
  let bytes = 0;

  function know(path: string, kind: Placed["kind"], size: number): void {
    const there = known.get(path.toLowerCase());
    if (there?.kind === "directory" && kind === "directory" && there.path === path) return;
    if (there?.path === path) throw refused(path, "is in the archive twice");
    if (there !== undefined) throw refused(path, `differs from ${there.path} by case only`);
    known.set(path.toLowerCase(), { path, kind, size });
  }

  function requireParents(parts: readonly string[], path: string): void {
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join("/");
      const kind = known.get(parent.toLowerCase())?.kind ?? "directory";
      if (kind !== "directory") throw refused(path, `lies below ${parent}, which is no directory`);
      know(parent, "directory", 0);
    }
  }

  function count(path: string, kind: Placed["kind"], size: number): void {
    entries += 1;
    if (entries > limits.entries) throw refused(path, `is one of more than ${limits.entries}`);
    bytes += size;
    if (bytes > limits.bytes) throw refused(path, `makes it more than ${limits.bytes} bytes`);
    if (kind === "file" || kind === "copy") files += 1;
  }

  /** The earlier file that a hard link shows. */
  function originalOf(path: string, linkname: string): Known {
    const name = partsOf(linkname).join("/");
    const original = known.get(name.toLowerCase());
    const isFile = original?.kind === "file" || original?.kind === "copy";
    if (original?.path === name && isFile) return original;
    throw refused(path, "is a hard link to what is no earlier file of the archive");
  }

  return {
    facts: () => ({ files, bytes }),
    place({ name, type, size, mode, linkname }) {
      const parts = partsOf(name);
      const path = parts.join("/");
      if (path === "") return undefined;
      requireParents(parts, path);
      const take = (kind: Placed["kind"], bytesOf: number): void => {
        know(path, kind, bytesOf);
        count(path, kind, bytesOf);
      };
      switch (type) {
        case "directory":
          take("directory", 0);
          return { kind: "directory", path };
        case "file":
        case "contiguous-file":
          take("file", size);
          return { kind: "file", path, executable: (mode & 0o111) !== 0 };
        case "symlink":
          requireInside(path, parts.length - 1, linkname);
          take("link", 0);
          return { kind: "link", path, target: linkname };
        case "link": {
          const original = originalOf(path, linkname);
          take("copy", original.size);
          return { kind: "copy", path, of: original.path };
        }
        default:
          throw refused(path, `is a ${type}; only files, directories and links can be unpacked`);
      }
    },
  };
}

function partsOf(name: string): string[] {
  if (UNREADABLE.test(name))
    throw refused(name, "has a name with control characters or not in UTF-8");
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw refused(name, "has too long a name");
  if (name.startsWith("/")) throw refused(name, "has an absolute name");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refused(name, "leads out by ..");
  if (parts.length > MAX_DEPTH) throw refused(name, `lies deeper than ${MAX_DEPTH} directories`);
  if (parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES))
    throw refused(name, `has a part of more than ${MAX_PART_BYTES} bytes`);
  if (parts[0]?.toLowerCase().startsWith(RESERVED))
    throw refused(name, `has a name that begins with ${RESERVED}, which Millrace uses itself`);
  return parts;
}

function requireInside(path: string, depth: number, target: string): void {
  const parts = target.split("/");
  const ups = parts.findIndex((part) => part !== "..");
  const up = ups === -1 ? parts.length : ups;
  const isPlain = target !== "" && !target.startsWith("/") && !UNREADABLE.test(target);
  if (isPlain && up <= depth && !parts.slice(up).includes("..")) return;
  throw refused(path, "is a link that leads out, or could");
}

function refused(name: string, why: string): MillraceError {
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  return new MillraceError("invalid_archive", `${shown} ${why}.`);
}
