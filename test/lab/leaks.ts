// Fails a test file that leaves processes or open sockets behind.
import { readdirSync, readFileSync } from "node:fs";
import { afterAll } from "vitest";
import { until } from "./until.ts";

// Whatever a test starts inherits this mark: a grandchild is found too, also when its parent is gone.
const mark = `MILLRACE_TEST_RUN=${process.pid}-${performance.timeOrigin}`;
const [name, value] = mark.split("=") as [string, string];
process.env[name] = value;

const atStart = new Set(leftovers());

afterAll(async () => {
  try {
    // what was told to end may need a moment; what was forgotten stays
    await until(() => leftBehind().length === 0, "processes and sockets to go", 3_000);
  } catch (cause) {
    throw new Error(`left behind: ${leftBehind().join(", ")}`, { cause });
  }
});

function leftBehind(): string[] {
  return leftovers().filter((one) => !atStart.has(one));
}

function leftovers(): string[] {
  const sockets = process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP"));
  const pids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return [
    ...pids.filter(isOurs).map((pid) => `${pid} ${read(pid, "cmdline").replaceAll("\0", " ")}`),
    ...sockets.map((kind, i) => `${kind} #${i}`),
  ];
}

function isOurs(pid: string): boolean {
  const [state, parent] = read(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  if (state === undefined || state === "Z") return false;
  return Number(parent) === process.pid || read(pid, "environ").split("\0").includes(mark);
}

/** Empty when the process ended meanwhile, or is not ours to read. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
