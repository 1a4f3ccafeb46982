import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startLauncher, type Launcher } from "../../../../src/worker/launcher/launcher.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";
import { onEachLauncher, run } from "./launch-lab.ts";

const refused = (code: string, reason: RegExp) => ({
  kind: "spawn_failed",
  code,
  reason: expect.stringMatching(reason) as string,
});

onEachLauncher((kind) => {
  let launcher: Launcher;
  let dir: TempDir;
  beforeAll(async () => {
    launcher = await startLauncher({ kind });
    dir = await tempDir();
  });
  afterAll(async () => {
    await launcher[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function file(name: string, content: string | Uint8Array, mode = 0o755): Promise<string> {
    const path = join(dir.path, name);
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  test("a name that PATH does not know", async () => {
    expect(await run(launcher, ["no-such-program"]).exit).toMatchObject(
      refused("ENOENT", /^no-such-program: not found on the worker's PATH$/),
    );
  });

  test("a path that does not exist", async () => {
    expect(await run(launcher, ["/no/such/program"]).exit).toMatchObject(
      refused("ENOENT", /no such file on the worker/),
    );
  });

  test("a file without the right to execute", async () => {
    const path = await file("plain", "#!/bin/sh\n", 0o644);
    expect(await run(launcher, [path]).exit).toMatchObject(refused("EACCES", /not executable/));
  });

  test("a directory", async () => {
    expect(await run(launcher, [dir.path]).exit).toMatchObject(refused("EISDIR", /is a directory/));
  });

  test("text without a #! line is not handed to a shell behind our back", async () => {
    const path = await file("text", "echo ran\n");
    expect(await run(launcher, [path]).exit).toMatchObject(
      refused("ENOEXEC", /not an executable format/),
    );
  });

  test("a program for another processor", async () => {
    const elf = Buffer.alloc(64);
    elf.write("\x7fELF\x02\x01\x01", "latin1");
    elf.writeUInt16LE(0xf3, 18); // RISC-V
    expect(await run(launcher, [await file("foreign", elf)]).exit).toMatchObject(
      refused("ENOEXEC", /for this processor/),
    );
  });

  test("a script whose interpreter is missing", async () => {
    const path = await file("orphan", "#!/no/such/interpreter -x\n");
    expect(await run(launcher, [path]).exit).toMatchObject(
      refused("ENOENT", /interpreter \/no\/such\/interpreter does not exist/),
    );
  });

  test("a working directory that is not there is not blamed on the command", async () => {
    const nowhere = join(dir.path, "nowhere");
    expect(await run(launcher, ["true"], { cwd: nowhere }).exit).toMatchObject(
      refused("ENOENT", /nowhere: the working directory does not exist/),
    );
  });

  test("a working directory that is a file", async () => {
    const path = await file("not-a-directory", "");
    expect(await run(launcher, ["true"], { cwd: path }).exit).toMatchObject(
      refused("ENOTDIR", /is not a directory/),
    );
  });

  test("one argument of 200 KB is too much for the system", async () => {
    expect(await run(launcher, ["true", "x".repeat(200_000)]).exit).toMatchObject(
      refused("E2BIG", /larger than the system allows/),
    );
  });

  test("200 KB of arguments in pieces are fine", async () => {
    const pieces = Array.from({ length: 20 }, () => "x".repeat(10_000));
    expect(await run(launcher, ["true", ...pieces]).exit).toMatchObject({
      kind: "exited",
      code: 0,
    });
  });

  test("an environment over the system's limit", async () => {
    const env = { PATH: "/usr/bin:/bin", HUGE: "x".repeat(200_000) };
    expect(await run(launcher, ["true"], { env }).exit).toMatchObject(
      refused("E2BIG", /larger than the system allows/),
    );
  });

  test("a NUL byte in an argument", async () => {
    expect(await run(launcher, ["true", "a\0b"]).exit).toMatchObject(refused("EINVAL", /NUL/));
  });

  test("a loop of links", async () => {
    const path = join(dir.path, "loop");
    await symlink(path, path);
    expect(await run(launcher, [path]).exit).toMatchObject(refused("ELOOP", /cannot be run/));
  });

  test("a relative name is looked up in the working directory", async () => {
    const inner = join(dir.path, "inner");
    await mkdir(inner);
    await file("inner/hello", "#!/bin/sh\necho hello from $0\n");
    const job = run(launcher, ["./hello"], { cwd: inner });
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    expect(job.stdout()).toMatch(/^hello from .*hello\n$/);
  });

  test("the launcher goes on after all of that", async () => {
    expect(await run(launcher, ["true"]).exit).toMatchObject({ kind: "exited", code: 0 });
  });
});
