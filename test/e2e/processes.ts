// Looks at processes by their numbers.
import { readFileSync } from "node:fs";

/** True while the process runs; one that has ended and was not yet waited for is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
