// Finds processes by the attempt's tag in their environment, also when they have left its process group.
import { listProcesses, readProcessFile, readStat } from "./procfs.ts";
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
    if (seen !== undefined)
      found.push({ pid: Number(entry), tag, group: seen.group, startTime: seen.startTime });
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

function readTag(pid: string): string | undefined {
  const environment = readProcessFile(pid, "environ");
  if (environment === undefined) return undefined;
  for (let at = environment.indexOf(NEEDLE); at !== -1; at = environment.indexOf(NEEDLE, at + 1)) {
    if (at !== 0 && environment[at - 1] !== 0) continue;
    const end = environment.indexOf(0, at);
    return environment.toString("utf8", at + NEEDLE.length, end === -1 ? environment.length : end);
  }
  return undefined;
}
