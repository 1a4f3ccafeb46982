// Runs the built `millrace` command as a person would, in a state directory of the test's own.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { JobView } from "../../../src/cli/views.ts";
import { freePorts } from "../../lab/ports.ts";
import { until } from "../../lab/until.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MAIN = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

export type Ended = { code: number | null; stdout: string; stderr: string; bytes: Buffer };

export type Running = AsyncDisposable & {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Stops reading its output for good. */
  closeOutput(): void;
};

export type Millrace = {
  /** Holds everything that the commands keep. */
  readonly stateDir: string;
  start(...args: string[]): Running;
  /** Runs a command to its end. */
  run(...args: string[]): Promise<Ended>;
  /** Runs a command with --json and parses its lines. */
  json<T>(name: string, ...args: string[]): Promise<T[]>;
  job(id: string): Promise<JobView>;
  /** Submits and returns the id. */
  submit(...args: string[]): Promise<string>;
};

/** No other server on this machine is found by these commands. */
export async function millrace(stateDir: string): Promise<Millrace> {
  const [port] = await freePorts(1);
  const own = { MILLRACE_DATA_DIR: stateDir, MILLRACE_PORT: String(port) };
  const none = { MILLRACE_URL: undefined, NATS_URL: undefined, NO_COLOR: undefined };
  const env = { ...process.env, ...none, ...own };
  const start = (...args: string[]) => startCommand(args, env);

  async function run(...args: string[]): Promise<Ended> {
    await using command = start(...args);
    return await command.ended;
  }

  async function json<T>(name: string, ...args: string[]): Promise<T[]> {
    const { code, stdout, stderr } = await run(name, "--json", ...args);
    if (code !== 0)
      throw new Error(`millrace ${name} ${args.join(" ")} exited with ${code}: ${stderr}`);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as T);
  }

  return {
    stateDir,
    start,
    run,
    json,
    job: async (id) => (await json<JobView>("get", id))[0]!,
    submit: async (...args) => (await run("submit", ...args)).stdout.trim(),
  };
}

function startCommand(args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env, stdio: "pipe" });
  child.stdin.end();
  const pieces: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (bytes: Buffer) => pieces.push(bytes));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const bytes = () => Buffer.concat(pieces);
  let gone = false;

  async function untilEnd(): Promise<Ended> {
    const [code] = (await once(child, "close")) as [number | null];
    gone = true;
    return { code, stderr, bytes: bytes(), stdout: bytes().toString() };
  }
  const ended = untilEnd();

  return {
    pid: child.pid!,
    ended,
    signal: (name) => void child.kill(name),
    closeOutput: () => void child.stdout.destroy(),
    async printed(pattern) {
      const match = () => pattern.exec(bytes().toString()) ?? pattern.exec(stderr);
      await until(() => gone || match(), `${pattern} from millrace ${args.join(" ")}`, 30_000);
      const found = match();
      if (!found) throw new Error(`no ${pattern} in: ${bytes().toString()}\n${stderr}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Living processes that bear the text in their arguments or environment. */
export function processesWith(text: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const bears =
        args.includes(text) || readFileSync(`/proc/${pid}/environ`, "utf8").includes(text);
      return bears ? [`${pid} ${args.replaceAll("\0", " ")}`] : [];
    } catch {
      return []; // it ended while we looked
    }
  });
}

/** Waits until no process bears the text. */
export function nothingLeft(text: string): Promise<unknown> {
  return until(() => processesWith(text).length === 0, `the end of all processes with ${text}`);
}
