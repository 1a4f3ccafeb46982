// Reads /proc, where there is one; a process that is gone or hidden simply has nothing to say.
import { readdirSync, readFileSync } from "node:fs";

/** `startTime` tells a process from a later one with the same number. */
export type ProcessStat = { state: string; group: number; startTime: string };

/** Numbers of all processes, as texts. */
export function listProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  } catch {
    return []; // no procfs on this system
  }
}

export function readStat(pid: string): ProcessStat | undefined {
  const stat = readProcessFile(pid, "stat")?.toString();
  // The command name may hold blanks and brackets; fields are counted from its last bracket: state, ppid, pgrp, … starttime.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, group, startTime] = [fields?.[0], fields?.[2], fields?.[19]];
  if (state === undefined || group === undefined || startTime === undefined) return undefined;
  return { state, group: Number(group), startTime };
}

export function readProcessFile(pid: string, name: string): Buffer | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined;
  }
}
