// The two launchers that can be started: the native one where it was built, and the one in Node.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `native` is C; `node` needs nothing but Node and is slower to start programs. */
export type LauncherKind = "native" | "node";

export type LauncherProgram = { kind: LauncherKind; file: string; args: readonly string[] };

/** Its heap stays small, and less of it means a cheaper fork for every program. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--single-threaded"];

/** Where the build puts things: Node cannot run TypeScript, so from the sources, as tests do, the built ones are used. */
const built = (name: string): string =>
  fileURLToPath(
    new URL(name, import.meta.url.replace(/\/src\/(worker\/launcher\/)[^/]+\.ts$/, "/dist/$1")),
  );

/** Named after the system that it was built for, so that a package carried elsewhere does not try it. */
export const NATIVE_FILE = built(`native/launcher-${process.platform}-${process.arch}`);

export const NODE_LAUNCHER: LauncherProgram = {
  kind: "node",
  file: process.execPath,
  args: [...NODE_FLAGS, built("main.js")],
};

/** Undefined where it was not built. */
export const nativeLauncher = (): LauncherProgram | undefined =>
  existsSync(NATIVE_FILE) ? { kind: "native", file: NATIVE_FILE, args: [] } : undefined;
