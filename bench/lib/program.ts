// Programs that are measured: started, heard, ended, and gone with their temporary directory.
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Program = AsyncDisposable & {
  readonly pid: number;
  /** The first line that it printed, as JSON. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** The next line that it prints, as JSON. */
  nextLine(): Promise<Readonly<Record<string, unknown>>>;
  write(line: string): void;
  /** Resolves when it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
};

export const pathIn = (path: string): string =>
  fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Starts `node args…`; resolves with the first line of JSON that it prints. `.ts` files are loaded through tsx. */
export async function startNode(
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Program> {
  const loader = args.some((arg) => arg.endsWith(".ts")) ? ["--import", "tsx"] : [];
  const child = spawn(process.execPath, [...loader, ...args], {
    ...options,
    stdio: ["pipe", "pipe", "inherit"],
  }) as ChildProcess & { stdout: NodeJS.ReadableStream; stdin: NodeJS.WritableStream };
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function nextLine(): Promise<Record<string, unknown>> {
    const line = await lines.next();
    if (line.done) throw new Error(`node ${args.join(" ")} ended before it said what it should`);
    return JSON.parse(line.value) as Record<string, unknown>;
  }

  async function end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    child.kill(signal);
    await gone;
  }

  return {
    pid: child.pid!,
    ready: await nextLine(),
    nextLine,
    write: (line) => void child.stdin.write(`${line}\n`),
    end,
    [Symbol.asyncDispose]: () => end(),
  };
}

export type TempDir = AsyncDisposable & { readonly path: string };

export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
