// Takes the artifacts of one attempt: stored as they come, up to its limits, and listed at its end.
import { open, realpath } from "node:fs/promises";

import {
  encodeManifest,
  isArtifactPath,
  type Artifact,
  type ArtifactLimits,
  type AttemptArtifacts,
} from "../../shared/artifact.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { ArtifactContent } from "../../shared/handler.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { inLanes } from "../../shared/io/insist.ts";
import { storeText } from "../../shared/io/large-values.ts";
import type { Log } from "../../shared/io/log.ts";
import { findFiles, type FoundFile } from "./find-files.ts";
import { createLeftOut } from "./left-out.ts";
import { openInside } from "./open-inside.ts";

export type ArtifactBox = {
  /** False when it is left out. Throws `invalid_spec` for a path that is none, and what reading a file throws. */
  add(path: string, content: ArtifactContent): Promise<boolean>;
  /** Takes the files of a directory that the patterns mean, except some. Never throws. */
  collect(dir: string, patterns: readonly string[], except: readonly string[]): Promise<void>;
  /** What was taken; undefined when there was nothing to take. What comes later is left out. */
  close(): Promise<AttemptArtifacts | undefined>;
};

export type BoxOptions = {
  files: Pick<FileStore, "put" | "renew">;
  limits: ArtifactLimits;
  /** Whose files they must be; anybody's when undefined. */
  owner: number | undefined;
  /** Ends the wait for a broker that is away. */
  signal(): AbortSignal;
  log: Pick<Log, "warn">;
};

/** A longer list stands in a file of its own. */
const INLINE_LIST_BYTES = 4_096;
const LANES = 4;
/** Well within the time after which files go that no record names. */
const RENEW_MS = 900_000;
const MODE = 0o644;

export function createArtifactBox(options: BoxOptions): ArtifactBox {
  const { files, limits, owner, signal, log } = options;
  const taken = new Map<string, Artifact>();
  const leftOut = createLeftOut();
  /** What is under way counts, too. */
  const used = { files: 0, bytes: 0 };
  let adding: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const patience = () => ({ patienceMs: Infinity, signal: signal() });

  /** Why there is no room for so many bytes more; undefined when they have been given it. */
  function claim(bytes: number): string | undefined {
    if (used.files >= limits.files) return `beyond ${limits.files} files`;
    if (bytes > limits.fileBytes) return `larger than ${limits.fileBytes} bytes`;
    if (used.bytes + bytes > limits.totalBytes) return `beyond ${limits.totalBytes} bytes in all`;
    used.files += 1;
    used.bytes += bytes;
    return undefined;
  }

  function release(bytes: number): void {
    used.files -= 1;
    used.bytes -= bytes;
  }

  function whyNot(error: unknown): string {
    if (hasCode(error, "body_too_large")) return "that grew while they were read";
    if (hasCode(error, "storage_full")) return "that the broker has no space for";
    if (hasCode(error, "broker_unavailable")) return "that the broker was away for";
    log.warn({ event: "artifact_failed", error }, "an artifact could not be kept");
    return "that could not be read or stored";
  }

  /** The record will name them when the attempt ends, which may be in days. */
  async function renewAll(): Promise<void> {
    for (const [path, { digest, bytes }] of taken)
      try {
        if ((await files.renew(digest, patience())) || taken.get(path)?.digest !== digest) continue;
        taken.delete(path);
        release(bytes);
        leftOut.add(path, "that were gone before the end");
      } catch (error) {
        log.warn({ event: "artifact_not_renewed", path, error }, "an artifact may be removed");
      }
  }
  const renewing = setInterval(() => void renewAll(), RENEW_MS);
  renewing.unref();

  async function collectOne(root: string, { path, bytes }: FoundFile): Promise<void> {
    const refusal = claim(bytes);
    if (refusal !== undefined) return leftOut.add(path, refusal);
    const stored = await takeFile(root, path, bytes).catch((error) => whyNot(error));
    if (typeof stored === "string") {
      release(bytes);
      return leftOut.add(path, stored);
    }
    taken.set(path, stored);
    // it may have shrunk meanwhile
    used.bytes += stored.bytes - bytes;
  }

  async function takeFile(root: string, path: string, bytes: number): Promise<Artifact | string> {
    const opened = await openInside(root, path, owner);
    if (opened === undefined) return "that are not the job's own";
    const { file, mode } = opened;
    try {
      const source = file.createReadStream({ autoClose: false });
      const stored = await files.put(source, { limitBytes: bytes, ...patience() });
      return { path, bytes: stored.size, digest: stored.digest, mode };
    } finally {
      await file.close();
    }
  }

  async function addOne(path: string, content: ArtifactContent): Promise<boolean> {
    const before = taken.get(path);
    if (before !== undefined) release(before.bytes);
    taken.delete(path);
    await using source = await openContent(content);
    const refusal = isClosed ? "after the end" : claim(source.bytes);
    if (refusal !== undefined) {
      leftOut.add(path, refusal);
      return false;
    }
    try {
      const { bytes } = source;
      const { digest } = await files.put(source.content, { limitBytes: bytes, ...patience() });
      taken.set(path, { path, bytes, digest, mode: MODE });
      return true;
    } catch (error) {
      release(source.bytes);
      leftOut.add(path, whyNot(error));
      return false;
    }
  }

  async function listed(): Promise<Pick<AttemptArtifacts, "files" | "manifest">> {
    const sorted = [...taken.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const list = encodeManifest(sorted);
    if (list.length <= INLINE_LIST_BYTES) return { files: sorted };
    return { manifest: await storeText(files, list, patience()) };
  }

  return {
    async add(path, content) {
      if (!isArtifactPath(path)) throw notAPath(path);
      const added = adding.then(() => addOne(path, content));
      adding = added.catch(() => undefined);
      return added;
    },
    async collect(dir, patterns, except) {
      try {
        const found = await findFiles(dir, patterns, leftOut);
        const wanted = found.filter(({ path }) => !except.includes(path));
        if (wanted.length === 0) leftOut.nothingFits(patterns);
        const root = await realpath(dir);
        await inLanes(LANES, wanted.length, (index) => collectOne(root, wanted[index]!));
      } catch (error) {
        leftOut.add("all", whyNot(error));
      }
    },
    async close() {
      isClosed = true;
      clearInterval(renewing);
      await adding;
      const note = leftOut.note();
      if (taken.size === 0 && note === undefined) return undefined;
      const told = note === undefined ? {} : { note };
      try {
        return { count: taken.size, bytes: used.bytes, ...(await listed()), ...told };
      } catch {
        return {
          count: 0,
          bytes: 0,
          files: [],
          note: "Left out: all, as their list could not be stored.",
        };
      }
    },
  };
}

type Content = AsyncDisposable & { content: AsyncIterable<Uint8Array> | Uint8Array; bytes: number };

async function openContent(given: ArtifactContent): Promise<Content> {
  if (typeof given === "string" || given instanceof Uint8Array) {
    const content = typeof given === "string" ? Buffer.from(given) : given;
    return { content, bytes: content.length, async [Symbol.asyncDispose]() {} };
  }
  const file = await open(given.file);
  return {
    content: file.createReadStream({ autoClose: false }),
    bytes: (await file.stat()).size,
    [Symbol.asyncDispose]: () => file.close(),
  };
}

const notAPath = (path: string): MillraceError =>
  new MillraceError(
    "invalid_spec",
    `"${path.slice(0, 100)}" is no name of an artifact: give a relative path without .. and control characters.`,
  );
