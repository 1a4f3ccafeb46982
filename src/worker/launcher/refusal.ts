// Says in words for people why a program could not be started. Pure.
import type { Failure, SpawnRequest } from "./protocol.ts";

const WRONG_FORMAT =
  "not an executable format here (neither a program for this processor nor a script with a #! line)";

export function reasonOf(
  { part, code, file }: Pick<Failure, "part" | "code" | "file">,
  { argv, cwd }: Pick<SpawnRequest, "argv" | "cwd">,
): string {
  const name = shorten(argv[0] ?? "");
  switch (part) {
    case "directory":
      return `${shorten(cwd)}: ${directoryProblem(code)}`;
    case "program":
      return `${name}: ${programProblem(code, name)}`;
    case "interpreter":
      return `${name}: its interpreter ${file || "or loader"} does not exist on the worker`;
    case "input":
      return `${name}: its standard input cannot be opened (${code})`;
    case "system":
      return code === "E2BIG"
        ? "arguments and environment are together larger than the system allows"
        : `the worker's host cannot start another process now (${code})`;
  }
}

function directoryProblem(code: string): string {
  if (code === "ENOENT") return "the working directory does not exist on the worker";
  if (code === "ENOTDIR") return "the working directory is not a directory";
  return `the worker may not enter the working directory (${code})`;
}

function programProblem(code: string, name: string): string {
  switch (code) {
    case "ENOENT":
      return name.includes("/") ? "no such file on the worker" : "not found on the worker's PATH";
    case "EISDIR":
      return "is a directory";
    case "EACCES":
      return "is not executable for the worker";
    case "ENOEXEC":
      return WRONG_FORMAT;
    default:
      return `cannot be run (${code})`;
  }
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
