// Signals to a whole process group, and whether anything of it is alive.
import { listProcesses, readStat } from "./procfs.ts";

/** Sends `signal` (0 only asks) to every process of the group; false when there is none left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // EPERM: members exist that have become somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** False also when only unreaped dead are left, as the first process of many a container leaves them. */
export function isGroupAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  const processes = listProcesses();
  return processes.length === 0 || processes.some((pid) => isLivingMember(pid, group));
}

function isLivingMember(pid: string, group: number): boolean {
  const stat = readStat(pid);
  return stat?.group === group && stat.state !== "Z" && stat.state !== "X";
}
