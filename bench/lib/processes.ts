// The installation under measurement: broker, scheduler and workers as separate processes, and their CPU time.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const HANDLERS = fileURLToPath(new URL("../handlers", import.meta.url));
const TICKS_PER_SECOND = 100;

export type Installation = AsyncDisposable & {
  readonly url: string;
  readonly nats: string;
  /** Starts a worker with that many slots; resolves when it is registered. */
  startWorker(slots: number): Promise<void>;
  /** CPU milliseconds so far of everything that was started, the broker and all jobs included. */
  cpuMs(): Promise<number>;
};

type Started = { child: ChildProcess; gone: Promise<unknown>; ready: Record<string, string> };

/** Starts broker and scheduler with a store of their own below the temporary directory. */
export async function startInstallation(): Promise<Installation> {
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const dev = await start("dev", "--workers", "0", "--port", "0", "--data-dir", dataDir);
  const { url = "", nats = "" } = dev.ready;
  const workers: Started[] = [];
  return {
    url,
    nats,
    async startWorker(slots) {
      const flags = [
        "--log-level",
        "warn",
        "--nats",
        nats,
        "--slots",
        String(slots),
        "--handlers",
        HANDLERS,
      ];
      workers.push(await start("worker", ...flags));
    },
    cpuMs: () => cpuMsOfTrees([dev, ...workers].map(({ child }) => child.pid ?? 0)),
    async [Symbol.asyncDispose]() {
      for (const { child } of [...workers, dev]) child.kill("SIGTERM");
      await Promise.all([...workers, dev].map(({ gone }) => gone));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts `millrace …` and resolves with the first line of JSON that it prints. */
async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [CLI, ...args, "--json"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout }))
    return { child, gone, ready: JSON.parse(line) as Record<string, string> };
  throw new Error(`millrace ${args.join(" ")} ended before it was ready`);
}

type Stat = { parent: number; ownMs: number };

/** User and system time of the processes and all their descendants, ended and waited-for ones included. */
async function cpuMsOfTrees(roots: readonly number[]): Promise<number> {
  const stats = new Map<number, Stat>();
  for (const name of await readdir("/proc")) {
    const stat = /^\d+$/.test(name) ? await statOf(name) : undefined;
    if (stat) stats.set(Number(name), stat);
  }
  const belongs = (pid: number): boolean => {
    const parent = stats.get(pid)?.parent;
    return roots.includes(pid) || (parent !== undefined && parent > 1 && belongs(parent));
  };
  let sum = 0;
  for (const [pid, { ownMs }] of stats) if (belongs(pid)) sum += ownMs;
  return sum;
}

async function statOf(pid: string): Promise<Stat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [, parent = 0, ...rest] = fields;
    // utime, stime, cutime, cstime are fields 14-17 of proc(5); the slice above starts at field 3.
    const ticks = rest.slice(9, 13).reduce((total, value) => total + value, 0);
    return { parent, ownMs: (ticks * 1_000) / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}
