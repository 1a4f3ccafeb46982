// CPU time from procfs: of process trees, and of the whole machine.
import { readdir, readFile } from "node:fs/promises";

type Stat = { parent: number; ownMs: number };

const TICK_MS = 10;
const FIELDS_BUSY = [0, 1, 2, 5, 6, 7]; // user, nice, system, irq, softirq, steal of proc(5)

/** CPU milliseconds so far of each tree of processes; ended and waited-for descendants are included. */
export async function cpuMsOfTrees(roots: readonly number[]): Promise<number[]> {
  const stats = await readStats();
  const rootOf = (pid: number): number | undefined => {
    if (roots.includes(pid)) return pid;
    const parent = stats.get(pid)?.parent;
    return parent === undefined || parent <= 1 ? undefined : rootOf(parent);
  };
  const sums = new Map<number, number>();
  for (const [pid, { ownMs }] of stats) {
    const root = rootOf(pid);
    if (root !== undefined) sums.set(root, (sums.get(root) ?? 0) + ownMs);
  }
  return roots.map((root) => sums.get(root) ?? 0);
}

/** CPU milliseconds so far of everything on this machine. */
export async function cpuMsOfMachine(): Promise<number> {
  const [first = ""] = (await readFile("/proc/stat", "utf8")).split("\n");
  const ticks = first.trim().split(/\s+/).slice(1).map(Number);
  return FIELDS_BUSY.reduce((sum, field) => sum + (ticks[field] ?? 0), 0) * TICK_MS;
}

async function readStats(): Promise<Map<number, Stat>> {
  const stats = new Map<number, Stat>();
  for (const name of await readdir("/proc")) {
    const stat = /^\d+$/.test(name) ? await statOf(name) : undefined;
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  return stats;
}

async function statOf(pid: string): Promise<Stat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    const [, parent = 0, ...rest] = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    // utime, stime, cutime, cstime are fields 14-17 of proc(5); `rest` starts at field 5.
    const ticks = rest.slice(9, 13).reduce((sum, value) => sum + value, 0);
    return { parent, ownMs: ticks * TICK_MS };
  } catch {
    return undefined; // it ended just now
  }
}

/** Resident bytes of one process. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}
