// The leader's duty to the file store: removes what nothing needs any more, and what uploads that died have left.
import type { Digest } from "../../shared/file.ts";
import { hasCode } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { every } from "../../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import type { Duty } from "../duties.ts";
import type { References } from "./references.ts";

export type CollectionDeps = {
  files: Pick<FileStore, "list" | "stat" | "remove" | "clearUnfinished">;
  /** Every file that is needed; asked once the replica knows what the broker holds. */
  references: References;
  /** Resolves when the replica knows what the broker holds now; rejects when the broker is away. */
  caughtUp(): Promise<void>;
  clock: Clock;
  log?: Log;
  /** How long a file may be stored before something needs it, in milliseconds; default 1 h. */
  graceMs?: number;
  /** Default 1 h: it reads every job's record. */
  everyMs?: number;
};

const GRACE_MS = 3_600_000;
const EVERY_MS = 3_600_000;

export function createCollection(deps: CollectionDeps): Duty {
  const { files, references, caughtUp, clock, log = silentLog } = deps;
  const { graceMs = GRACE_MS, everyMs = EVERY_MS } = deps;

  /** Whoever needs a file stores it (again) first, and that begins its time anew: `remove` refuses then. */
  async function removeUnneeded(digest: Digest, before: number): Promise<boolean> {
    const file = await files.stat(digest);
    if (file === undefined || file.storedAt >= before) return false;
    try {
      await files.remove(file);
      return true;
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
      return false;
    }
  }

  async function collect(signal: AbortSignal): Promise<void> {
    const before = clock.now() - graceMs;
    const stored = await files.list();
    await caughtUp();
    const needed = new Set<Digest>();
    for await (const digest of references()) needed.add(digest);
    let removed = 0;
    for (const digest of stored)
      if (!signal.aborted && !needed.has(digest) && (await removeUnneeded(digest, before)))
        removed += 1;
    const unfinished = signal.aborted ? 0 : await files.clearUnfinished(before);
    if (removed + unfinished > 0)
      log.info({ event: "collected", removed, unfinished }, "files that nothing needs are removed");
  }

  return {
    name: "collection of files",
    async run(signal) {
      await every(everyMs, signal, () => collect(signal));
    },
  };
}
