// The examples on this machine's own files: each compares its result with the same work done without Millrace.
import { readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { runCommand } from "./command.ts";
import { startDev, type Dev } from "./dev.ts";
import { tempDir, type TempDir } from "../lab/temp-dir.ts";

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const MINUTES = 60_000;
const DOC = "/usr/share/doc";
/** All of /usr/lib is read twice in one to two minutes, and all of the changelogs are a job each: too long for every run. */
const [TREE, MOST_PACKAGES] = process.env["FULL"] ? ["/usr/lib", Infinity] : [DOC, 200];

let dev: Dev;
beforeAll(async () => {
  dev = await startDev("--slots", "4", "--handlers", example("handlers"));
});
afterAll(() => dev[Symbol.asyncDispose]());

it(
  `hash-tree: ${TREE} on three workers, of which one joins and one leaves half-way`,
  async () => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [
      example("hash-tree.mjs"),
      TREE,
    ]);
    expect(stderr).not.toContain("Error");
    expect(stdout).toMatch(new RegExp(`^\\d+ files of ${TREE} in 240 jobs$`, "m"));
    expect(stdout).toMatch(
      /leaving: [1-9]\d* jobs\n  staying: [1-9]\d* jobs\n  joining: [1-9]\d* jobs/,
    );
    expect(stdout).toContain("equal to hashing here");
    expect(code).toBe(0);
  },
  10 * MINUTES,
);

it(
  "hash-tree: as few files as there can be, with hostile names",
  async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, "-a 'b\"\\ ü"), "content");
    const { code, stdout } = await runCommand(process.execPath, [
      example("hash-tree.mjs"),
      dir.path,
    ]);
    expect(stdout).toContain(`1 files of ${dir.path} in 1 jobs`);
    expect(stdout).toContain("equal to hashing here");
    expect(code).toBe(0);
  },
  2 * MINUTES,
);

it(
  "word-count: all copyright files by handler jobs",
  async () => {
    const { code, stdout, stderr } = await runCommand(
      process.execPath,
      [example("word-count.mjs")],
      { MILLRACE_URL: dev.url },
    );
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^\d+ files, \d+ jobs, \d+ different words$/m);
    expect(stdout).toContain("equal to counting here");
    expect(code).toBe(0);
  },
  5 * MINUTES,
);

it(
  "changelog-lines: compressed changelogs with nothing but curl",
  async () => {
    await using some = await packages(MOST_PACKAGES);
    const command = [example("changelog-lines.sh"), some.path];
    const { code, stdout, stderr } = await runCommand("bash", command, { MILLRACE_URL: dev.url });
    expect(stderr).toBe("");
    const [, files, jobs, theirs, ours] =
      /^(\d+) changelogs in (\d+) jobs, (\d+) lines by Millrace, (\d+) counted here$/m.exec(
        stdout,
      )!;
    expect([jobs, theirs]).toEqual([files, ours]);
    expect(code).toBe(0);
  },
  5 * MINUTES,
);

/** A directory with what /usr/share/doc has of its first packages. */
async function packages(most: number): Promise<TempDir> {
  const dir = await tempDir();
  for (const name of (await readdir(DOC)).toSorted().slice(0, most))
    await symlink(join(DOC, name), join(dir.path, name));
  return dir;
}
