// The bundles that this worker has unpacked or was left: each fetched once, kept while somebody uses it and there is room.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { digitsOf, type Digest } from "../../shared/file.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import { onAbort } from "../on-abort.ts";
import { filesIn, isAsNoted, writeNote, type KeptBundle } from "./kept-bundles.ts";
import { unpack } from "./unpack.ts";

export type UsedBundle = Disposable & {
  /** Directory with its content, which nobody may change. */
  readonly path: string;
};

/** Disposing ends what is being fetched. */
export type BundleCache = AsyncDisposable & {
  /**
   * The unpacked bundle, kept until it is disposed of. Throws `file_not_found`, `file_damaged`, `invalid_archive`,
   * `broker_unavailable`, the signal's reason, or the system's error.
   */
  use(digest: Digest, signal: AbortSignal): Promise<UsedBundle>;
};

type HowCome = "fetched" | "kept";

type Entry = {
  users: number;
  /** Unpacked; 0 until it is there. */
  bytes: number;
  dir: string;
  /** Set when somebody asks for it: only then what was left here is looked at. */
  ready?: Promise<HowCome>;
  readonly left?: KeptBundle;
};

/** `onUse` is told how each bundle was come by. */
export function createBundleCache(deps: {
  files: Pick<FileStore, "read">;
  dir: string;
  /** What earlier workers have left in `dir`. */
  left?: readonly KeptBundle[];
  /** Bytes of unpacked bundles that nobody uses. */
  limitBytes: number;
  onUse?: (how: HowCome | "failed") => void;
  log?: Log;
}): BundleCache {
  const { files, dir, left = [], limitBytes, onUse, log = silentLog } = deps;
  /** Least recently used first. */
  const entries = new Map<Digest, Entry>();
  const removals = new Set<Promise<void>>();
  const closed = new AbortController();
  let bytes = 0;
  let count = 0;

  for (const one of left) {
    entries.set(one.digest, { users: 0, bytes: one.bytes, dir: one.dir, left: one });
    bytes += one.bytes;
  }
  makeRoom();

  /** Whatever becomes of it, the next one who asks finds the whole bundle or none. */
  async function fetch(digest: Digest, entry: Entry): Promise<void> {
    const startedAt = performance.now();
    try {
      await mkdir(entry.dir, { recursive: true });
      const source = files.read(digest, { signal: closed.signal });
      const facts = await unpack(source, filesIn(entry.dir));
      await writeNote(entry.dir, facts.bytes);
      entry.bytes = facts.bytes;
      bytes += facts.bytes;
      const ms = Math.round(performance.now() - startedAt);
      log.info({ event: "bundle_fetched", digest, ...facts, ms }, "a bundle was fetched");
    } catch (error) {
      log.warn({ event: "bundle_failed", digest, error }, "a bundle could not be fetched");
      entries.delete(digest);
      remove(entry.dir);
      throw error;
    }
  }

  async function comeBy(digest: Digest, entry: Entry): Promise<HowCome> {
    if (entry.left !== undefined) {
      if (await isAsNoted(entry.left)) return "kept";
      log.warn({ event: "bundle_spoilt", digest }, "a bundle on the disk is not what it was");
      bytes -= entry.bytes;
      entry.bytes = 0;
      remove(entry.dir);
      entry.dir = newDir(digest);
    }
    await fetch(digest, entry);
    return "fetched";
  }

  /** Each download has a directory of its own. */
  const newDir = (digest: Digest): string => join(dir, `${digitsOf(digest)}.${count++}`);

  /** Once for all who ask meanwhile. */
  function begin(digest: Digest, entry: Entry): Promise<HowCome> {
    const ready = comeBy(digest, entry);
    // it fails for those who wait for it, and they may have gone
    ready.catch(() => {});
    return ready;
  }

  function makeRoom(): void {
    for (const [digest, entry] of entries) {
      if (bytes <= limitBytes) return;
      if (entry.users > 0 || entry.bytes === 0) continue;
      entries.delete(digest);
      bytes -= entry.bytes;
      remove(entry.dir);
    }
  }

  function remove(path: string): void {
    const removal = rm(path, { recursive: true, force: true })
      .catch((error: unknown) => log.warn({ event: "bundle_left", path, error }, "it stays behind"))
      .then(() => void removals.delete(removal));
    removals.add(removal);
  }

  function release(entry: Entry): void {
    entry.users -= 1;
    makeRoom();
  }

  return {
    async use(digest, signal) {
      const entry = entries.get(digest) ?? { users: 0, bytes: 0, dir: newDir(digest) };
      entry.users += 1;
      entries.delete(digest);
      entries.set(digest, entry);
      const isFirst = entry.ready === undefined;
      entry.ready ??= begin(digest, entry);
      try {
        const how = await orStopped(entry.ready, signal);
        onUse?.(isFirst ? how : "kept");
      } catch (error) {
        onUse?.("failed");
        release(entry);
        throw error;
      }
      makeRoom();
      let isUsed = true;
      return {
        path: filesIn(entry.dir),
        [Symbol.dispose]() {
          if (isUsed) release(entry);
          isUsed = false;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled([...entries.values()].flatMap(({ ready }) => ready ?? []));
      await Promise.all(removals);
    },
  };
}

async function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = deferred<never>();
  using _stop = onAbort(signal, () => stopped.reject(signal.reason));
  return await Promise.race([stopped.promise, work]);
}
