// Jobs that cannot be started, and jobs that leave a mess on the disk.
import { lstatSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import type { JobSpec } from "../../../src/shared/spec.ts";
import { until } from "../../lab/until.ts";
import { shell } from "../faults/witness.ts";
import { FULL, useHostileLab } from "./hostile-lab.ts";

const hostile = useHostileLab();

/** Also a link that leads nowhere is there. */
const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

describe("a work directory", () => {
  it.each([
    ["is filled", "head -c 50000000 /dev/zero > large"],
    ["has lost its rights", "mkdir -p a/b; touch a/b/c; chmod 000 a/b a ."],
    [
      "holds very many files",
      `i=0; while [ $i -lt ${FULL ? 100_000 : 5_000} ]; do : > f$i; i=$((i + 1)); done`,
    ],
    ["was removed by the job itself", "rm -rf $PWD"],
  ])("that %s is gone after the job", async (_what, script) => {
    const job = await hostile.run({ command: shell("pwd", script) });
    expect(job).toMatchObject({ state: "succeeded" });
    const path = (await hostile.output(job)).toString().trim();
    await until(() => !isThere(path), `${path} to be removed`, 60_000);
  });

  it("that was replaced by a link is gone, and what the link led to is untouched", async () => {
    const precious = join(hostile.book.path, "precious");
    await mkdir(precious);
    await writeFile(join(precious, "file"), "kept");
    const dir = "$MILLRACE_WORK_DIR";
    const job = await hostile.run({
      command: shell("pwd", `cd /; rmdir ${dir}; ln -s ${precious} ${dir}`),
    });
    const path = (await hostile.output(job)).toString().trim();
    await until(() => !isThere(path), `${path} to be removed`);
    expect(await readFile(join(precious, "file"), "utf8")).toBe("kept");
  });
});

const file = async (name: string, content: string | Uint8Array, mode: number) => {
  const path = join(hostile.book.path, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
};

describe("a program that cannot be started", () => {
  const foreign = Buffer.alloc(64);
  foreign.write("\x7fELF\x02\x01\x01", "latin1");
  foreign.writeUInt16LE(0xf3, 18); // RISC-V

  it.each<[string, () => Promise<JobSpec> | JobSpec, RegExp]>([
    [
      "its interpreter is missing",
      () => ({ script: "#!/no/such/interpreter\n" }),
      /\/no\/such\/interpreter/,
    ],
    [
      "it is not executable",
      async () => ({ command: [await file("plain", "#!/bin/sh\n", 0o644)] }),
      /not executable/,
    ],
    ["it is a directory", () => ({ command: [hostile.book.path] }), /directory/],
    [
      "it is for another processor",
      async () => ({ command: [await file("foreign", foreign, 0o755)] }),
      /processor/,
    ],
    [
      "an argument is too long",
      () => ({ command: ["true", "x".repeat(200_000)] }),
      /larger than the system allows/,
    ],
    [
      "its environment is too large",
      () => ({ command: ["true"], env: { A: "x".repeat(131_072) } }),
      /larger than the system allows/,
    ],
    ["it does not exist", () => ({ command: ["no-such-program"] }), /no-such-program/],
  ])("because %s says so in the outcome", async (_why, spec, reason) => {
    const job = await hostile.run(await spec());
    expect(job).toMatchObject({ state: "failed", outcome: "spawn_failed" });
    expect(job.attempts[0]?.reason).toMatch(reason);
  });

  it("is none that has 120 KiB of arguments and 100 KiB of environment", async () => {
    const job = await hostile.run({
      command: ["sh", "-c", "echo ${#1} ${#LARGE}", "sh", "x".repeat(122_880)],
      env: { LARGE: "y".repeat(102_400) },
    });
    expect((await hostile.output(job)).toString()).toBe("122880 102400\n");
  });
});
