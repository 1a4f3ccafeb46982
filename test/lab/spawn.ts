// Runs one of our programs as a real process and keeps what it prints.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { until } from "./until.ts";

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type Spawned = AsyncDisposable & {
  readonly pid: number;
  /** Resolves when the process is gone and its output is complete. */
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** Waits for a match in either output and returns it. Throws, with the output, when the process ends without it. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
};

/** Starts `node entry args…` (`.ts` entries through tsx). `env` is laid over this process's own; undefined removes. */
export async function spawnNode(
  entry: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Spawned> {
  const loader = entry.endsWith(".ts") ? ["--import", "tsx"] : [];
  const child = spawn(process.execPath, [...loader, entry, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.stderr += text));
  await once(child, "spawn");
  const stderr = fileOf(child.pid!, 2);

  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const kill = (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return exited;
  };
  const describe = () => `${entry} ${args.join(" ")}\n${printed.stdout}\n${printed.stderr}`;

  async function waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray> {
    let gone = false;
    void exited.then(() => (gone = true));
    const match = () => pattern.exec(printed.stdout) ?? pattern.exec(printed.stderr);
    await until(() => gone || match(), `${pattern} from ${describe()}`, timeoutMs);
    const found = match();
    if (!found) throw new Error(`ended without printing ${pattern}: ${describe()}`);
    return found;
  }

  return {
    pid: child.pid!,
    exited,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    printed: waitFor,
    kill,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      // the output ends with the last who writes it: a worker's launcher, which a test may have frozen
      for (const pid of writersOf(stderr)) wake(pid);
      await exited;
    },
  };
}

const writersOf = (stderr: string | undefined): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && stderr !== undefined && fileOf(pid, 2) === stderr);

/** What the process has open there; undefined when it is gone. */
function fileOf(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function wake(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // it has ended meanwhile
  }
}
