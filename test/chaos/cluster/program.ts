// One of our programs under a supervisor that starts it again whenever it ends.
import { spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type Program = {
  readonly name: string;
  /** What it said when it started last: a worker its id, a scheduler its address. */
  readonly said: string | undefined;
  /** Kills it and starts it again after this long. */
  kill(downMs: number): Promise<void>;
  /** Asks it to leave; the supervisor starts it again when it has. */
  ask(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Ends it for good: in good order, by force when that takes too long. */
  stop(): Promise<void>;
};

export type ProgramOptions = {
  name: string;
  args: readonly string[];
  logFile: string;
};

const CLI = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
/** Before it is started again: more each time that it ends at once, as supervisors do. */
const RESTART_MS = { least: 500, most: 4_000 };
const AT_ONCE_MS = 5_000;
const LEAVE_MS = 20_000;

export function superviseProgram({ name, args, logFile }: ProgramOptions): Program {
  const stopping = new AbortController();
  let said: string | undefined;
  let child: ChildProcess | undefined;
  let downUntil = 0;
  const over = supervise();

  async function supervise(): Promise<void> {
    let restartMs = RESTART_MS.least;
    while (!stopping.signal.aborted) {
      const startedAt = Date.now();
      await runOnce();
      const endedAtOnce = Date.now() - startedAt < AT_ONCE_MS;
      restartMs = endedAtOnce ? Math.min(2 * restartMs, RESTART_MS.most) : RESTART_MS.least;
      const downMs = Math.max(restartMs, downUntil - Date.now());
      await delay(downMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function runOnce(): Promise<void> {
    const log = openSync(logFile, "a");
    const running = spawn(process.execPath, [CLI, ...args, "--json", "--with-parent"], {
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
      // its input ends with us, whatever ends us, and so does it
      stdio: ["pipe", "pipe", log],
    });
    closeSync(log);
    child = running;
    createInterface({ input: running.stdout as Readable }).once("line", (line) => {
      const { worker, url } = JSON.parse(line) as { worker?: string; url?: string };
      said = worker ?? url ?? "";
    });
    await gone(running);
    said = undefined;
  }

  return {
    name,
    get said() {
      return said;
    },
    async kill(downMs) {
      downUntil = Date.now() + downMs;
      const victim = child;
      victim?.kill("SIGKILL");
      if (victim !== undefined) await gone(victim);
      await delay(downMs);
    },
    async ask() {
      const leaving = child;
      leaving?.kill("SIGTERM");
      if (leaving !== undefined) await gone(leaving);
    },
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async stop() {
      stopping.abort();
      child?.kill("SIGCONT");
      child?.kill("SIGTERM");
      const timer = setTimeout(() => child?.kill("SIGKILL"), LEAVE_MS);
      await over;
      clearTimeout(timer);
    },
  };
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
