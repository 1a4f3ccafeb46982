// Makes sure that one broker at most runs on a data directory.
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { nanoid } from "nanoid";
import { MillraceError } from "../errors.ts";

/** A running program: its pid and, where /proc tells, when it started, since pids are used again. */
type Identity = { pid: number; startedAt?: string | undefined };

/** What stands in the lock file. The server is known only once it runs. */
export type LockRecord = { owner: Identity; server?: Identity & { url: string } };

export type DataDirLock = AsyncDisposable & {
  /** Writes who serves the directory, for people and for whoever finds the lock later. */
  announce(server: { pid: number; url: string }): Promise<void>;
};

// A server whose owner was killed is killed at once by its lifeline; this is how long that may take.
const ORPHAN_GRACE_MS = 5_000;

/** Takes the directory, also from a dead program, or throws `broker_unavailable` (field `dataDir`) naming who has it. */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = join(dataDir, "broker.lock");
  const owner = await identify(process.pid);
  const giveUpAt = performance.now() + ORPHAN_GRACE_MS;
  while (!(await create(path, { owner }))) {
    const holder = await read(path);
    if (holder === undefined) continue;
    const orphaned = !(await isAlive(holder.owner));
    if (!orphaned || performance.now() > giveUpAt) throw inUse(dataDir, holder);
    if (holder.server && (await isAlive(holder.server))) await delay(20);
    else await takeAway(path);
  }
  let held = true;
  return {
    announce: async ({ pid, url }) =>
      replace(path, { owner, server: { ...(await identify(pid)), url } }),
    [Symbol.asyncDispose]: async () => {
      if (!held) return; // the file may be somebody else's by now
      held = false;
      await rm(path, { force: true });
    },
  };
}

function inUse(dataDir: string, { owner, server }: LockRecord): MillraceError {
  const where = server ? ` at ${server.url} (pid ${server.pid})` : "";
  return new MillraceError(
    "broker_unavailable",
    `A broker${where} already runs on ${dataDir}, started by pid ${owner.pid}. Stop it, use it, or choose another data directory.`,
    { field: "dataDir" },
  );
}

/** False when somebody else has the lock. The file appears whole or not at all. */
async function create(path: string, record: LockRecord): Promise<boolean> {
  const draft = `${path}.${nanoid(8)}`;
  await writeFile(draft, JSON.stringify(record));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replace(path: string, record: LockRecord): Promise<void> {
  const draft = `${path}.${nanoid(8)}`;
  await writeFile(draft, JSON.stringify(record));
  await rename(draft, path);
}

/** Removes a dead program's lock; one that a faster rival has put in its place meanwhile is put back. */
async function takeAway(path: string): Promise<void> {
  const aside = `${path}.${nanoid(8)}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  const taken = await read(aside);
  if (taken && (await isAlive(taken.owner))) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function read(path: string): Promise<LockRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as LockRecord;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new MillraceError(
      "broker_unavailable",
      `The lock file ${path} cannot be read; remove it if no broker runs there`,
      {
        cause: error,
      },
    );
  }
}

async function identify(pid: number): Promise<Identity> {
  return { pid, startedAt: (await lookUp(pid))?.startedAt };
}

async function isAlive({ pid, startedAt }: Identity): Promise<boolean> {
  const found = await lookUp(pid);
  if (found) return found.state !== "Z" && found.startedAt === startedAt;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM"; // it is there, but another user's
  }
}

/** State and start (clock ticks since boot) of a program; undefined where there is no /proc to tell. */
async function lookUp(
  pid: number,
): Promise<{ state: string | undefined; startedAt: string | undefined } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && { state: fields[0], startedAt: fields[19] };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
