// Finds the handlers that a directory holds: one module each, checked before the worker registers.
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { MillraceError } from "../../shared/errors.ts";
import { handlerProblem, type Handler } from "../../shared/handler.ts";

export type Handlers = ReadonlyMap<string, Handler>;

const COMPILED = [".js", ".mjs"];
/** TypeScript where this Node can read it. */
const EXTENSIONS = Reflect.get(process.features, "typescript")
  ? [...COMPILED, ".ts", ".mts"]
  : COMPILED;

/**
 * The default exports of all modules directly in the directory, by handler name; none without a directory.
 * Throws `invalid_config` that names every file which is no handler, cannot be loaded or repeats a name.
 */
export async function loadHandlers(dir: string | undefined): Promise<Handlers> {
  if (dir === undefined) return new Map();
  const handlers = new Map<string, Handler>();
  const origins = new Map<string, string>();
  const problems: string[] = [];
  for (const file of await moduleFiles(dir)) {
    const loaded = await loadHandler(join(dir, file));
    if (typeof loaded === "string") {
      problems.push(`${file}: ${loaded}`);
      continue;
    }
    const other = origins.get(loaded.name);
    if (other !== undefined) problems.push(`${file}: "${loaded.name}" is defined in ${other}, too`);
    origins.set(loaded.name, file);
    handlers.set(loaded.name, loaded);
  }
  if (problems.length === 0) return handlers;
  throw new MillraceError(
    "invalid_config",
    `Not every module in ${dir} is a handler:\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}

async function moduleFiles(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir);
    return entries
      .filter((file) => EXTENSIONS.includes(extname(file)) && !/^[._]|\.d\.m?ts$/.test(file))
      .toSorted();
  } catch (error) {
    throw new MillraceError("invalid_config", `The handlers' directory ${dir} cannot be read.`, {
      cause: error,
    });
  }
}

/** The handler in a module, or why there is none. */
async function loadHandler(path: string): Promise<Handler | string> {
  try {
    const { default: exported } = (await import(pathToFileURL(path).href)) as { default?: unknown };
    return handlerProblem(exported) ?? (exported as Handler);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
