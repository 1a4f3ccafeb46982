// One role of a local installation as a child process: its start, its readiness, its end. Never left behind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { MillraceError } from "../../shared/errors.ts";

export type Ended = { code: number | null; signal: NodeJS.Signals | null };

/** What a role says when it is ready: its first line of output, as JSON. */
export type ReadyLine = Readonly<Record<string, unknown>>;

export type Child = {
  /** Rejects when it ends before it is ready. */
  readonly ready: Promise<ReadyLine>;
  readonly ended: Promise<Ended>;
  signal(name: NodeJS.Signals): void;
};

// the compiler rewrites imports, but not the names of files
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";
const MAIN = fileURLToPath(new URL(`../main.${EXTENSION}`, import.meta.url));

/** Starts `millrace <args>`; `log` gets what it writes to stderr. */
export function startChild(args: readonly string[], log: Writable): Child {
  // in a session of its own: Ctrl-C at the terminal is for us, who stop the children in order
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...args], {
    detached: true,
    stdio: "pipe",
  });
  child.stdin.on("error", () => {}); // it may be gone before us
  let lastWords = "";
  child.stderr.on("data", (bytes: Buffer) => (lastWords = bytes.toString()));
  child.stderr.pipe(log, { end: false });
  const ended = new Promise<Ended>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  const early = ended.then((end) => {
    throw new MillraceError(
      "internal",
      `The ${args[0]} did not start: it ${endText(end)}. ${lastWords.trimEnd()}`,
    );
  });
  const ready = Promise.race([firstLine(child.stdout), early]);
  ready.catch(() => {}); // who does not ask need not handle it
  return { ready, ended, signal: (name) => void child.kill(name) };
}

async function firstLine(output: Readable): Promise<ReadyLine> {
  const lines = createInterface({ input: output });
  const [line] = (await once(lines, "line")) as [string];
  lines.on("line", () => {}); // what else it says must not fill the pipe
  return JSON.parse(line) as ReadyLine;
}

/** "exited with 1", "was ended by SIGKILL". */
export function endText({ code, signal }: Ended): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? "could not be run" : `exited with ${code}`;
}
