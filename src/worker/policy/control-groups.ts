// Control groups (cgroup v2): an attempt with limits has one of its own, where the worker may make them.
//
// The group holds memory and processes for all of the attempt together, and nothing that is in it outlives it. It stands
// below the worker's own group. A group that hands out controllers may hold no processes itself: so the worker, and with
// it the launcher that it starts later, moves to a group below, if that is enough.
import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Log } from "../../shared/io/log.ts";
import type { Limits, SpawnRequest } from "../launcher/protocol.ts";
import { controllersIn, divide, ownGroup, whyKilled, type Controller } from "./group-text.ts";

/** Disposing kills what is left in it, and removes it. */
export type AttemptGroup = AsyncDisposable & {
  /** What the launcher is asked for. */
  request: Pick<SpawnRequest, "group" | "limits">;
  /** Why the kernel has killed the attempt, if it was for want of memory. */
  whyKilled(): Promise<string | undefined>;
};

export type ControlGroups = {
  /** A group for the attempt when it has limits and groups can be made here; else every limit is left to the launcher. */
  open(tag: string, limits: Limits): Promise<AttemptGroup>;
  /** Kills and removes what a dead worker left of the attempt. */
  clear(tag: string): Promise<void>;
};

/** Where there are none. */
export const NO_GROUPS: ControlGroups = {
  open: async (_tag, limits) => withoutGroup(limits),
  clear: async () => {},
};

const MAX_TRIES = 10;

/** Finds out what the worker may do here, and says so. To be called before the launcher is started. */
export async function openControlGroups(log: Log): Promise<ControlGroups> {
  const base = await findBase();
  const controllers = base === undefined ? [] : await handOut(base);
  log.info({ event: "limits", group: base, controllers }, sayWhatHolds(base, controllers));
  return base === undefined ? NO_GROUPS : groupsBelow(base, controllers, log);
}

function groupsBelow(base: string, controllers: Controller[], log: Log): ControlGroups {
  const pathOf = (tag: string): string => join(base, `millrace-${tag}`);

  async function clear(tag: string): Promise<void> {
    try {
      if (await remove(pathOf(tag)))
        log.info({ event: "group_killed", tag }, "what was left in a control group was killed");
    } catch (error) {
      log.warn({ event: "group_left", tag, error }, "a control group stays behind");
    }
  }

  async function open(tag: string, limits: Limits): Promise<AttemptGroup> {
    if (Object.keys(limits).length === 0) return withoutGroup(limits);
    const path = pathOf(tag);
    const { settings, rest } = divide(limits, controllers);
    try {
      await mkdir(path);
      for (const [file, value] of settings) await put(join(path, file), value).catch(unlessMissing);
    } catch (error) {
      log.warn({ event: "group_failed", tag, error }, "no control group: each process is limited");
      await clear(tag);
      return withoutGroup(limits);
    }
    return {
      request: { group: join(path, "cgroup.procs"), limits: rest },
      whyKilled: async () => whyKilled(await look(join(path, "memory.events"))),
      [Symbol.asyncDispose]: () => clear(tag),
    };
  }

  return { open, clear };
}

const withoutGroup = (limits: Limits): AttemptGroup => ({
  request: { limits },
  whyKilled: async () => undefined,
  [Symbol.asyncDispose]: async () => {},
});

/** The worker's own group; undefined where no group can be made below it that is killed as a whole (Linux 5.14). */
async function findBase(): Promise<string | undefined> {
  const base = ownGroup(await look("/proc/self/cgroup"), await look("/proc/self/mountinfo"));
  if (base === undefined) return undefined;
  const probe = join(base, `millrace-probe-${process.pid}`);
  try {
    await mkdir(probe);
    await access(join(probe, "cgroup.kill"), constants.W_OK);
    return base;
  } catch {
    return undefined;
  } finally {
    await rmdir(probe).catch(() => {}); // it was not made
  }
}

/** Gives the groups below their controllers and returns those that they have. */
async function handOut(base: string): Promise<Controller[]> {
  const control = join(base, "cgroup.subtree_control");
  const wanted = controllersIn(await look(join(base, "cgroup.controllers")));
  const order = wanted.map((name) => `+${name}`).join(" ");
  try {
    await put(control, order).catch(() => stepAside(base, () => put(control, order)));
  } catch {
    // Somebody else's processes are in the group, too, or it is not for the worker to change.
  }
  return controllersIn(await look(control));
}

async function stepAside(base: string, act: () => Promise<void>): Promise<void> {
  const aside = join(base, "millrace-worker");
  const pid = `${process.pid}`;
  await mkdir(aside, { recursive: true });
  try {
    await put(join(aside, "cgroup.procs"), pid);
    await act();
  } catch (error) {
    await put(join(base, "cgroup.procs"), pid);
    await rmdir(aside);
    throw error;
  }
}

/** True when something had to be killed for it. Throws when what is in it does not die. */
async function remove(path: string): Promise<boolean> {
  for (let tries = 0; ; tries += 1) {
    try {
      await removeEmpty(path);
      return tries > 0;
    } catch (error) {
      if (isMissing(error)) return tries > 0;
      if (tries === MAX_TRIES) throw error;
    }
    await put(join(path, "cgroup.kill"), "1");
    await sleep(2 ** tries);
  }
}

/** With the groups that the attempt has made in it. */
async function removeEmpty(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }))
    if (entry.isDirectory()) await removeEmpty(join(path, entry.name));
  await rmdir(path);
}

/** Files of the kernel are there or not, and never made. */
const put = (file: string, text: string): Promise<void> =>
  writeFile(file, text, { flag: constants.O_WRONLY });

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** A kernel that does not swap has no file to limit it. */
function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

/** Empty where there is no such file. */
const look = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

function sayWhatHolds(base: string | undefined, controllers: readonly Controller[]): string {
  if (controllers.length > 0)
    return `the kernel limits ${controllers.join(" and ")} of an attempt as a whole (cgroup v2), and the rest of each process`;
  const why =
    base === undefined
      ? "there is no cgroup v2 that the worker may write"
      : "the worker's control group has no controllers to hand out";
  return `limits hold for each process on its own: ${why}`;
}
