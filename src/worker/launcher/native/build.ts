// Builds the native launcher beside the compiled files, where there is a C compiler: `node dist/worker/launcher/native/build.js`.
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { NATIVE_FILE } from "../launcher-program.ts";

/**
 * Every build runs this, so a clone has the native launcher after `npm ci`. The published package carries what its publisher
 * built (linux-x64, linked statically, so that the C library of the host does not matter) and the sources: on another system
 * this command builds one. Without it, and wherever it does not start, the launcher in Node does the same work.
 */
const SOURCES = fileURLToPath(new URL("../../../../src/worker/launcher/native/", import.meta.url));
const COMPILERS = ["cc", "gcc", "clang"];
const FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror"];
/** Static where the C library allows it: smaller in memory, and at home on any Linux of this processor. */
const LINKING = [["-static", "-s"], ["-s"]];

/** Further flags, such as `-fsanitize=address`, link as the compiler likes. */
function build(further: readonly string[]): void {
  const sources = readdirSync(SOURCES)
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(SOURCES, name));
  const linkings = further.length > 0 ? [further] : LINKING;
  let problem: string | undefined;
  rmSync(NATIVE_FILE, { force: true });
  for (const compiler of COMPILERS)
    for (const linking of linkings)
      try {
        const output = ["-o", NATIVE_FILE];
        execFileSync(compiler, [...FLAGS, ...linking, ...output, ...sources], { stdio: "pipe" });
        chmodSync(NATIVE_FILE, 0o755);
        return;
      } catch (error) {
        const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
        if (code !== "ENOENT") problem = `${stderr?.toString() ?? code}`;
      }
  if (problem !== undefined)
    process.stderr.write(`The native launcher is not built; the one in Node is used: ${problem}\n`);
}

build(process.argv.slice(2));
