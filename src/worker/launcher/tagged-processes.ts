// Finds processes by the attempt's tag in their environment, also when they have left its process group (Linux; elsewhere none).
import { readdirSync, readFileSync } from "node:fs";

import { TAG_VARIABLE } from "./protocol.ts";

/** A process as it was seen. `startTime` tells it from a later one with the same number. */
export type TaggedProcess = { pid: number; group: number; startTime: string; tag: string };

const NEEDLE = Buffer.from(`${TAG_VARIABLE}=`);

/** Every process of this user whose tag is wanted. Reads all of /proc: a few milliseconds. */
export function findTagged(isWanted: (tag: string) => boolean): TaggedProcess[] {
  const found: TaggedProcess[] = [];
  for (const entry of listProcesses()) {
    const tag = readTag(entry);
    if (tag === undefined || !isWanted(tag)) continue;
    const seen = readStat(entry);
    if (seen !== undefined) found.push({ pid: Number(entry), tag, ...seen });
  }
  return found;
}

/** Signals the process unless its number has passed to another one since it was seen. */
export function signalTagged(seen: TaggedProcess, signal: NodeJS.Signals): void {
  if (readStat(String(seen.pid))?.startTime !== seen.startTime) return;
  try {
    process.kill(seen.pid, signal);
  } catch {
    // It ended in between, or changed its user: not ours to signal any more.
  }
}

function listProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  } catch {
    return []; // no procfs on this system
  }
}

function readTag(pid: string): string | undefined {
  const environment = read(`/proc/${pid}/environ`);
  if (environment === undefined) return undefined;
  for (let at = environment.indexOf(NEEDLE); at !== -1; at = environment.indexOf(NEEDLE, at + 1)) {
    if (at !== 0 && environment[at - 1] !== 0) continue;
    const end = environment.indexOf(0, at);
    return environment.toString("utf8", at + NEEDLE.length, end === -1 ? environment.length : end);
  }
  return undefined;
}

function readStat(pid: string): { group: number; startTime: string } | undefined {
  const stat = read(`/proc/${pid}/stat`)?.toString();
  // The command name may hold blanks and brackets; fields are counted from its last bracket: state, ppid, pgrp, … starttime.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [group, startTime] = [fields?.[2], fields?.[19]];
  return group === undefined || startTime === undefined
    ? undefined
    : { group: Number(group), startTime };
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // gone, or another user's
  }
}
