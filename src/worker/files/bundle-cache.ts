// The bundles that this worker has unpacked: each fetched once, kept while somebody uses it and there is room.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { digitsOf, type Digest } from "../../shared/file.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import { onAbort } from "../on-abort.ts";
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

type Entry = {
  users: number;
  /** Unpacked; 0 until it is ready. */
  bytes: number;
  readonly path: string;
  ready: Promise<void>;
};

/** `onUse` is told how each bundle was come by. */
export function createBundleCache(deps: {
  files: Pick<FileStore, "read">;
  dir: string;
  /** Bytes of unpacked bundles that nobody uses. */
  limitBytes: number;
  onUse?: (how: "fetched" | "kept" | "failed") => void;
  log?: Log;
}): BundleCache {
  const { files, dir, limitBytes, onUse, log = silentLog } = deps;
  /** Least recently used first. */
  const entries = new Map<Digest, Entry>();
  const removals = new Set<Promise<void>>();
  const closed = new AbortController();
  let bytes = 0;
  let count = 0;

  /** Whatever becomes of it, the next one who asks finds the whole bundle or none. */
  async function fetch(digest: Digest, entry: Entry): Promise<void> {
    const startedAt = performance.now();
    try {
      await mkdir(dir, { recursive: true });
      const facts = await unpack(files.read(digest, { signal: closed.signal }), entry.path);
      entry.bytes = facts.bytes;
      bytes += facts.bytes;
      const ms = Math.round(performance.now() - startedAt);
      log.info({ event: "bundle_fetched", digest, ...facts, ms }, "a bundle was fetched");
    } catch (error) {
      log.warn({ event: "bundle_failed", digest, error }, "a bundle could not be fetched");
      entries.delete(digest);
      remove(entry.path);
      throw error;
    }
  }

  /** One download for all who ask meanwhile; each has a directory of its own. */
  function begin(digest: Digest): Entry {
    const path = join(dir, `${digitsOf(digest)}.${count++}`);
    const entry: Entry = { users: 0, bytes: 0, path, ready: Promise.resolve() };
    entry.ready = fetch(digest, entry);
    // it fails for those who wait for it, and they may have gone
    entry.ready.catch(() => {});
    return entry;
  }

  function makeRoom(): void {
    for (const [digest, entry] of entries) {
      if (bytes <= limitBytes) return;
      if (entry.users > 0 || entry.bytes === 0) continue;
      entries.delete(digest);
      bytes -= entry.bytes;
      remove(entry.path);
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
      const known = entries.get(digest);
      const entry = known ?? begin(digest);
      entry.users += 1;
      entries.delete(digest);
      entries.set(digest, entry);
      try {
        await orStopped(entry.ready, signal);
      } catch (error) {
        onUse?.("failed");
        release(entry);
        throw error;
      }
      onUse?.(known === undefined ? "fetched" : "kept");
      makeRoom();
      let isUsed = true;
      return {
        path: entry.path,
        [Symbol.dispose]() {
          if (isUsed) release(entry);
          isUsed = false;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled([...entries.values()].map(({ ready }) => ready));
      await Promise.all(removals);
    },
  };
}

async function orStopped(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const stopped = deferred<never>();
  using _stop = onAbort(signal, () => stopped.reject(signal.reason));
  await Promise.race([stopped.promise, work]);
}
