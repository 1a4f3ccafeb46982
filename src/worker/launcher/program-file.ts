// Finds the file that a command names, as the system would, and says in words for people why one cannot be run.
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";

/** Why something cannot be run; `code` is an errno name. */
export type Refusal = { code: string; reason: string };

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";
const FIRST_BYTES = 256;
const WRONG_FORMAT =
  "not an executable format here (neither a program for this processor nor a script with a #! line)";
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

/** The file to execute for `name`, looked up along `path` when it has no slash. */
export function findProgram(
  name: string,
  path: string | undefined,
  cwd: string,
): { file: string } | Refusal {
  if (name.includes("/")) {
    const file = resolve(cwd, name);
    return fileProblem(file, name) ?? { file };
  }
  let refusal: Refusal = {
    code: "ENOENT",
    reason: `${shorten(name)}: not found on the worker's PATH`,
  };
  for (const directory of (path ?? DEFAULT_PATH).split(delimiter)) {
    const file = resolve(cwd, directory, name);
    const problem = fileProblem(file, name);
    if (problem === undefined) return { file };
    if (problem.code !== "ENOENT") refusal = problem;
  }
  return refusal;
}

/** Why the program cannot have `cwd` as its working directory, or undefined when it can. */
export function directoryProblem(cwd: string): Refusal | undefined {
  try {
    const found = statSync(cwd, { throwIfNoEntry: false });
    if (found === undefined)
      return {
        code: "ENOENT",
        reason: `${cwd}: the working directory does not exist on the worker`,
      };
    if (!found.isDirectory())
      return { code: "ENOTDIR", reason: `${cwd}: the working directory is not a directory` };
    accessSync(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    return {
      code: codeOf(error),
      reason: `${cwd}: the worker may not enter the working directory (${codeOf(error)})`,
    };
  }
}

/** Words for an error of spawn itself; `file` was found before. */
export function spawnProblem(error: unknown, file: string): Refusal {
  const code = codeOf(error);
  switch (code) {
    case "E2BIG":
      return {
        code,
        reason: "arguments and environment are together larger than the system allows",
      };
    case "ENOENT":
      return { code, reason: `${file}: ${missingInterpreter(file) ?? "not found on the worker"}` };
    case "EAGAIN":
    case "ENOMEM":
    case "EMFILE":
    case "ENFILE":
      return { code, reason: `the worker's host cannot start another process now (${code})` };
    case "ERR_INVALID_ARG_VALUE":
      return { code: "EINVAL", reason: "an argument or a variable holds a NUL byte" };
    default:
      return { code, reason: `${file}: ${(error as Error).message}` };
  }
}

function fileProblem(file: string, name: string): Refusal | undefined {
  const shown = shorten(name);
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined)
      return { code: "ENOENT", reason: `${shown}: no such file on the worker` };
    if (found.isDirectory()) return { code: "EACCES", reason: `${shown}: is a directory` };
    const identity = `${found.dev} ${found.ino} ${found.ctimeMs}`;
    if (runnable.has(identity)) return undefined;
    accessSync(file, constants.X_OK);
    // The C library hands what the system refuses as a program to /bin/sh, which then runs anything as a script.
    if (process.platform === "linux" && !isRunnable(firstBytes(file)))
      return { code: "ENOEXEC", reason: `${shown}: ${WRONG_FORMAT}` };
    remember(identity);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    const problem =
      code === "EACCES" ? "is not executable for the worker" : `cannot be run (${code})`;
    return { code, reason: `${shown}: ${problem}` };
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

function missingInterpreter(file: string): string | undefined {
  const line = /^#! *([^ \n]+)/.exec(firstBytes(file)?.toString() ?? "");
  return line === null ? undefined : `its interpreter ${line[1]} does not exist on the worker`;
}

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

const shorten = (name: string): string => (name.length > 200 ? `${name.slice(0, 200)}…` : name);
