// Closes what this process was given open without asking, so that no program inherits it.
import { closeSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/** Node opens its own files close-on-exec; whatever above 2 is not came from outside (Linux; elsewhere nothing is done). */
export function closeInheritedFiles(): void {
  for (const fd of openFiles()) if (fd > 2 && survivesExec(fd)) closeSync(fd);
}

function openFiles(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return [];
  }
}

function survivesExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // the one that listed the directory is closed by now
  }
}
