// Fails a test file that leaves child processes behind.
import { readdirSync, readFileSync } from "node:fs";
import { afterAll } from "vitest";

/** Living children of this process, as "pid command". */
export function children(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const [, comm, state, parent] =
        /^\d+ \((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return Number(parent) === process.pid && state !== "Z" ? [`${pid} ${comm}`] : [];
    } catch {
      return []; // it ended while we looked
    }
  });
}

const before = new Set(children());

afterAll(() => {
  const left = children().filter((child) => !before.has(child));
  if (left.length > 0) throw new Error(`processes left behind: ${left.join(", ")}`);
});
