// Finds the file that a command names, as the system would, and what is amiss when it cannot be run.
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";

import type { Failure, SpawnRequest } from "./protocol.ts";

/** Why something cannot be run, see `Failure`. */
export type Refusal = Omit<Failure, "at">;

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";
const FIRST_BYTES = 256;
/** Files that were found fit to run, by what changes when they do: the same few programs are run over and over. */
const runnable = new Set<string>();
const REMEMBERED = 1_000;
/** ELF machine numbers that each processor runs. */
const MACHINES: Readonly<Record<string, readonly number[]>> = {
  x64: [62, 3],
  ia32: [3],
  arm64: [183, 40],
  arm: [40],
};
/** Errors of the start that say nothing about the program. */
const SYSTEM_CODES = new Set(["E2BIG", "EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

/** The file to execute for `argv[0]`, looked up along PATH of the program's environment when it has no slash. */
export function findProgram({
  argv,
  env,
  cwd,
}: Pick<SpawnRequest, "argv" | "env" | "cwd">): { file: string } | Refusal {
  const [name = ""] = argv;
  const directories = name.includes("/") ? [""] : (env["PATH"] ?? DEFAULT_PATH).split(delimiter);
  let refused = "ENOENT";
  for (const directory of directories) {
    const file = resolve(cwd, directory, name);
    const code = fileError(file);
    if (code === undefined) return { file };
    if (code !== "ENOENT") refused = code;
  }
  return { part: "program", code: refused, file: "" };
}

/** Why the program cannot have `cwd` as its working directory, or undefined when it can. */
export function directoryProblem(cwd: string): Refusal | undefined {
  const code = directoryError(cwd);
  return code === undefined ? undefined : { part: "directory", code, file: "" };
}

/** What an error while the standard streams are opened means. */
export function inputProblem(error: unknown): Refusal {
  const code = codeOf(error);
  return { part: SYSTEM_CODES.has(code) ? "system" : "input", code, file: "" };
}

/** What an error of spawn itself means; `file` was found before. */
export function spawnProblem(error: unknown, file: string): Refusal {
  const code = codeOf(error);
  if (SYSTEM_CODES.has(code)) return { part: "system", code, file: "" };
  if (code === "ENOENT") return { part: "interpreter", code, file: interpreterOf(file) };
  return { part: "program", code, file: "" };
}

function directoryError(cwd: string): string | undefined {
  try {
    if (!statSync(cwd).isDirectory()) return "ENOTDIR";
    accessSync(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function fileError(file: string): string | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return "ENOENT";
    if (found.isDirectory()) return "EISDIR";
    const identity = `${found.dev} ${found.ino} ${found.ctimeMs}`;
    if (runnable.has(identity)) return undefined;
    accessSync(file, constants.X_OK);
    // The C library hands what the system refuses as a program to /bin/sh, which then runs anything as a script.
    if (process.platform === "linux" && !isRunnable(firstBytes(file))) return "ENOEXEC";
    remember(identity);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function remember(identity: string): void {
  if (runnable.size >= REMEMBERED) runnable.clear();
  runnable.add(identity);
}

function isRunnable(start: Buffer | undefined): boolean {
  if (start === undefined || start.toString("latin1", 0, 2) === "#!") return true;
  if (start.length < 20 || start.toString("latin1", 0, 4) !== "\x7fELF") return false;
  const machine = start[5] === 2 ? start.readUInt16BE(18) : start.readUInt16LE(18);
  return MACHINES[process.arch]?.includes(machine) ?? true;
}

const interpreterOf = (file: string): string =>
  /^#![ \t]*([^ \t\n]+)/.exec(firstBytes(file)?.toString() ?? "")?.[1] ?? "";

/** Undefined when the file may be run but not read. */
function firstBytes(file: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(FIRST_BYTES);
    return bytes.subarray(0, readSync(fd, bytes, 0, FIRST_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "EUNKNOWN";
