// The worker's own directories on its host, and what earlier workers that died left of theirs.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import type { Log } from "../shared/io/log.ts";
import { isWorkerId } from "../shared/names.ts";
import { handOn, keptIn, type KeptBundle } from "./files/kept-bundles.ts";
import type { User } from "./launcher/protocol.ts";
import { createSweeper } from "./launcher/sweeper.ts";
import type { ControlGroups } from "./policy/control-groups.ts";

export type WorkerHome = AsyncDisposable & {
  /** Work directories of this worker's attempts. */
  workDir: string;
  /** What it has fetched for its attempts. */
  bundleDir: string;
  /** What is in there from earlier workers. */
  leftBundles: KeptBundle[];
  /** Its waiting output. */
  spoolDir: string;
  /** Ids of workers that had their home here and died without leaving. */
  predecessors: string[];
};

type Owner = { host: string; pid: number; startTime: string | undefined };

const OWNER_FILE = "owner.json";
/** Below a home: one directory for each attempt that runs, called by its tag. */
const ATTEMPTS = "attempts";
const BUNDLES = "bundles";

/** Below the root of all homes: the bundles of workers that left, until one comes that can use them. No worker has such an id. */
const LEFT_BUNDLES = ".bundles";

type Deps = { groups: Pick<ControlGroups, "clear">; user?: User | undefined; log: Log };

/** Makes the directories and clears what dead workers left, processes too; disposing removes what this one made. Bundles are taken over, and left to the next. */
export async function openHome(
  roots: { workRoot: string; spoolRoot: string },
  workerId: string,
  deps: Deps,
): Promise<WorkerHome> {
  const { user, log } = deps;
  const home = join(roots.workRoot, workerId);
  const workDir = join(home, ATTEMPTS);
  const bundleDir = join(home, BUNDLES);
  const leftBundles = join(roots.workRoot, LEFT_BUNDLES);
  const predecessors = await findDead(roots.workRoot);
  for (const id of predecessors) {
    await endAttempts(join(roots.workRoot, id), deps);
    await handOn(join(roots.workRoot, id, BUNDLES), leftBundles, log);
    await clear(roots, id, log);
  }
  // whoever the programs run as passes through, and sees nothing
  await mkdir(workDir, { recursive: true, mode: user === undefined ? 0o700 : 0o711 });
  const owner: Owner = {
    host: hostname(),
    pid: process.pid,
    startTime: await startTimeOf(process.pid),
  };
  await writeFile(join(home, OWNER_FILE), JSON.stringify(owner));
  await handOn(leftBundles, bundleDir, log);
  return {
    workDir,
    bundleDir,
    leftBundles: await keptIn(bundleDir),
    spoolDir: join(roots.spoolRoot, workerId),
    predecessors,
    async [Symbol.asyncDispose]() {
      await handOn(bundleDir, leftBundles, log);
      await clear(roots, workerId, log);
    },
  };
}

/** A launcher that outlives its worker has ended them; one that died with it has not. */
async function endAttempts(home: string, { groups, log }: Deps): Promise<void> {
  const tags = await readdir(join(home, ATTEMPTS)).catch(() => []); // it died before it made one
  const sweeper = createSweeper();
  const counts = await Promise.all(
    tags.map((tag) => sweeper.sweep({ tag, group: 0, urgent: true })),
  );
  await Promise.all(tags.map((tag) => groups.clear(tag)));
  const count = counts.reduce((sum, strays) => sum + strays, 0);
  if (count > 0)
    log.warn({ event: "orphans_killed", count }, "a dead worker's processes were killed");
}

async function clear(
  { workRoot, spoolRoot }: { workRoot: string; spoolRoot: string },
  id: string,
  log: Log,
): Promise<void> {
  for (const root of [workRoot, spoolRoot]) {
    try {
      await rm(join(root, id), { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      log.warn({ event: "directory_left", root, worker: id, error }, "a directory stays behind");
    }
  }
}

async function findDead(workRoot: string): Promise<string[]> {
  const entries = await readdir(workRoot).catch(() => []); // not there yet: nobody was here before
  const dead: string[] = [];
  for (const id of entries) if (isWorkerId(id) && (await isDead(join(workRoot, id)))) dead.push(id);
  return dead;
}

/** Another host's worker, and one that is just making its home, count as alive. */
async function isDead(home: string): Promise<boolean> {
  try {
    const { host, pid, startTime } = JSON.parse(
      await readFile(join(home, OWNER_FILE), "utf8"),
    ) as Owner;
    if (host !== hostname()) return false;
    return !isRunning(pid) || (await startTimeOf(pid)) !== startTime;
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Tells a process from a later one with the same number, where the system has procfs. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
