import { readFileSync, readlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startLauncher, type Launcher } from "../../../../src/worker/launcher/launcher.ts";
import { tempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";
import { alive, onEachLauncher, run, sh, sha256 } from "./launch-lab.ts";

const bytesWritten = (pid: number): number =>
  Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);

onEachLauncher((kind) => {
  let launcher: Launcher;
  beforeAll(async () => void (launcher = await startLauncher({ kind })));
  afterAll(() => launcher[Symbol.asyncDispose]());

  test("a program's output, start and exit code are told", async () => {
    const job = sh(launcher, "echo out; echo err >&2; exit 3");
    expect(await job.exit).toMatchObject({ kind: "exited", code: 3, stopped: false });
    expect([job.stdout(), job.stderr()]).toEqual(["out\n", "err\n"]);
    const { pid, at } = await job.launched.started;
    expect(pid).toBeGreaterThan(1);
    expect((await job.exit).finishedAt).toBeGreaterThanOrEqual(at);
  });

  test.each(["TERM", "KILL", "SEGV", "HUP", "USR1", "PIPE", "INT", "ABRT"])(
    "death by SIG%s keeps its name",
    async (signal) => {
      expect(await sh(launcher, `kill -${signal} $$`).exit).toMatchObject({
        kind: "signalled",
        signal: `SIG${signal}`,
        stopped: false,
      });
    },
  );

  test("standard input comes from the file, also by name", async () => {
    await using dir = await tempDir();
    const stdin = join(dir.path, "stdin");
    await writeFile(stdin, "given");
    const [plain, named] = [
      run(launcher, ["cat"], { stdin }),
      run(launcher, ["cat", "/dev/stdin"], { stdin }),
    ];
    await Promise.all([plain.exit, named.exit]);
    expect([plain.stdout(), named.stdout()]).toEqual(["given", "given"]);
  });

  test("standard input is empty otherwise", async () => {
    const job = sh(launcher, "wc -c");
    await job.exit;
    expect(job.stdout().trim()).toBe("0");
  });

  test("a megabyte of input that nobody reads does no harm", async () => {
    await using dir = await tempDir();
    const stdin = join(dir.path, "stdin");
    await writeFile(stdin, Buffer.alloc(1_000_000));
    expect(await run(launcher, ["true"], { stdin }).exit).toMatchObject({
      kind: "exited",
      code: 0,
    });
  });

  test("output can be opened by name, as scripts do", async () => {
    const job = sh(launcher, "echo a > /dev/stdout; echo b > /dev/stderr");
    expect(await job.exit).toMatchObject({ code: 0 });
    expect([job.stdout(), job.stderr()]).toEqual(["a\n", "b\n"]);
  });

  test("a program inherits its three streams and nothing else", async () => {
    const job = sh(launcher, "exec ls /proc/self/fd");
    await job.exit;
    // 3 is the directory that ls reads.
    expect(job.stdout().split("\n").filter(Boolean)).toEqual(["0", "1", "2", "3"]);
  });

  test("a program leads its own session and sees only its own environment", async () => {
    const job = run(launcher, ["sleep", "300"], { env: { PATH: "/usr/bin:/bin", ONLY: "this" } });
    const { pid } = await job.launched.started;
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8")
      .split("\0")
      .filter(Boolean)
      .toSorted();
    expect(variables).toEqual([`MILLRACE_TAG=${job.tag}`, "ONLY=this", "PATH=/usr/bin:/bin"]);
    expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe("/dev/null");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    expect(stat.slice(2, 4).map(Number)).toEqual([pid, pid]);
    job.launched.kill();
    expect(await job.exit).toMatchObject({ kind: "signalled", signal: "SIGKILL", stopped: true });
  });

  test("25 MB of random bytes on each channel arrive as they were", async () => {
    const script = `
    const { createHash, randomBytes } = require("node:crypto"), { writeSync } = require("node:fs");
    const hashes = [createHash("sha256"), createHash("sha256")];
    const write = (fd, bytes) => { for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at); };
    for (let i = 0; i < 400; i++) for (const fd of [1, 2]) {
      const bytes = randomBytes(62_500);
      hashes[fd - 1].update(bytes);
      write(fd, bytes);
    }
    writeSync(1, hashes.map((hash) => hash.digest("hex")).join(" "));`;
    const job = run(launcher, [process.execPath, "-e", script]);
    const pieces: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
    job.launched.onOutput((channel, bytes) => void pieces[channel].push(bytes));
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    const stdout = Buffer.concat(pieces.stdout);
    const told = stdout.subarray(25_000_000).toString();
    expect(`${sha256([stdout.subarray(0, 25_000_000)])} ${sha256(pieces.stderr)}`).toBe(told);
  });

  test("a slow reader holds the program back, and loses nothing", async () => {
    const job = run(launcher, ["head", "-c", "4000000", "/dev/zero"]);
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let bytesSeen = 0;
    job.launched.onOutput((_channel, bytes) => {
      bytesSeen += bytes.length;
      return gate;
    });
    const { pid } = await job.launched.started;
    let before = 0;
    await until(() => {
      const [last, now] = [before, bytesWritten(pid)];
      before = now;
      return now > 0 && now === last;
    }, "the program waits in write");
    expect(bytesSeen).toBeLessThan(2_000_000);
    release();
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    expect(bytesSeen).toBe(4_000_000);
  });

  test("the end is told only when the listener has settled", async () => {
    const job = sh(launcher, "echo x");
    let settled = false;
    job.launched.onOutput(
      () =>
        new Promise((resolve) =>
          setTimeout(() => {
            settled = true;
            resolve();
          }, 50),
        ),
    );
    await job.exit;
    expect(settled).toBe(true);
  });

  test("many short programs at once each get their own output", async () => {
    const jobs = Array.from({ length: 60 }, (_, n) => sh(launcher, `echo ${n}`));
    await Promise.all(jobs.map(({ exit }) => exit));
    expect(jobs.map(({ stdout }) => stdout())).toEqual(jobs.map((_, n) => `${n}\n`));
    expect(alive(...jobs.map(({ tag }) => tag))).toEqual([]);
  });
});
