// Control groups (cgroup v2) as texts: what the kernel says of them, and what it is told. Pure.
import { join, relative } from "node:path";

import type { Limits } from "../launcher/protocol.ts";

type LimitName = keyof Limits;

/** Controllers of the kernel: the limit that each holds for all processes of a group together, and how it is told. */
const CONTROLLERS = {
  memory: {
    holds: "memoryBytes",
    settings: (bytes: number): Setting[] => [
      ["memory.max", `${bytes}`],
      ["memory.swap.max", "0"],
      ["memory.oom.group", "1"],
    ],
  },
  pids: {
    holds: "processes",
    settings: (count: number): Setting[] => [["pids.max", `${count}`]],
  },
} as const satisfies Record<
  string,
  { holds: LimitName; settings: (value: number) => readonly Setting[] }
>;

export type Controller = keyof typeof CONTROLLERS;

/** A file of a group, and what is written to it. */
type Setting = readonly [file: string, value: string];

/**
 * Directory of the group that a process is in, from its `/proc/…/cgroup` and `/proc/…/mountinfo`. Undefined where there
 * is no cgroup v2, and for a group outside of what is mounted here.
 */
export function ownGroup(membership: string, mounts: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  const [, root, point] = /^\d+ \d+ \S+ (\S+) (\S+) .*- cgroup2 /m.exec(mounts) ?? [];
  if (path === undefined || root === undefined || point === undefined) return undefined;
  const below = relative(root, path);
  return path.startsWith("/..") || below.startsWith("..") ? undefined : join(point, below);
}

/** Those of a list of controllers, as the kernel writes it, that hold a limit. */
export function controllersIn(list: string): Controller[] {
  const listed = list.trim().split(" ");
  return (Object.keys(CONTROLLERS) as Controller[]).filter((name) => listed.includes(name));
}

/** What the controllers are told, and the limits that are left for each process to have on its own. */
export function divide(
  limits: Limits,
  controllers: readonly Controller[],
): { settings: Setting[]; rest: Limits } {
  const rest = { ...limits };
  const settings = controllers.flatMap((name) => {
    const { holds, settings: tell } = CONTROLLERS[name];
    const value = limits[holds];
    delete rest[holds];
    return value === undefined ? [] : tell(value);
  });
  return { settings, rest };
}

/** Why the kernel has killed in a group, from its `memory.events`; undefined when it has not. */
export function whyKilled(events: string): string | undefined {
  if (!/^oom_kill [1-9]/m.test(events)) return undefined;
  return /^oom [1-9]/m.test(events)
    ? "killed: over its memory limit"
    : "killed: no memory is left on its worker's host, or for all that the worker runs";
}
