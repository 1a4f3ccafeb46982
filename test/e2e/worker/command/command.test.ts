import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Ending, JobRecord } from "../../../../src/shared/job.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { createCommandRunner, type CommandRunner } from "../../../../src/worker/command/command.ts";
import { startLauncher, type Launcher } from "../../../../src/worker/launcher/launcher.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";
import { onEachLauncher } from "../launcher/launch-lab.ts";

onEachLauncher((kind) => {
  let root: TempDir;
  let launcher: Launcher;
  let runner: CommandRunner;
  let runs = 0;

  beforeAll(async () => {
    root = await tempDir();
    launcher = await startLauncher({ kind });
    runner = createCommandRunner({
      launcher: () => launcher,
      workRoot: root.path,
      baseEnv: { PATH: "/usr/bin:/bin" },
      workerId: "tester-00000000",
    });
  });
  afterAll(async () => {
    await runner[Symbol.asyncDispose]();
    await launcher[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
  });

  type Attempt = {
    ending: Promise<Ending>;
    id: string;
    stdout(): string;
    startedAt(): number | undefined;
    stop: AbortController;
  };

  function start(
    spec: JobSpec,
    stop = new AbortController(),
    mayStart = () => Promise.resolve(true),
  ): Attempt {
    // processes are found by it on the whole machine
    const id = `job${process.pid}x${(runs += 1)}`;
    const record: JobRecord = {
      v: 1,
      id,
      spec,
      state: "queued",
      submittedAt: 0,
      attempt: 1,
      series: 0,
      failures: 0,
      losses: 0,
      attempts: [],
      timeline: [],
    };
    let stdout = "";
    let startedAt: number | undefined;
    const ending = runner.run({
      record,
      attempt: 1,
      output: {
        write: (channel, bytes) =>
          void (channel === "stdout" && (stdout += Buffer.from(bytes).toString())),
      },
      stop: stop.signal,
      mayStart,
      onStarted: (at) => void (startedAt = at),
    });
    return { ending, id, stdout: () => stdout, startedAt: () => startedAt, stop };
  }

  const printed = (attempt: Attempt, text: string) =>
    until(() => attempt.stdout().includes(text), `"${text}" in the output`);

  test("a command runs and its exit code is the ending", async () => {
    const attempt = start({ command: ["sh", "-c", "echo hi; exit 7"] });
    expect(await attempt.ending).toMatchObject({ outcome: "exited", exitCode: 7 });
    expect(attempt.stdout()).toBe("hi\n");
    expect(attempt.startedAt()).toBeGreaterThan(1_700_000_000_000);
  });

  test("a shell command sees its place in the environment", async () => {
    const attempt = start({
      command: [
        'echo "$MILLRACE_JOB_ID $MILLRACE_ATTEMPT $MILLRACE_WORKER_ID $MILLRACE_TAG $OWN"; pwd; echo "$MILLRACE_WORK_DIR"',
      ],
      shell: true,
      env: { OWN: "mine" },
    });
    await attempt.ending;
    const dir = join(root.path, `${attempt.id}.1`);
    expect(attempt.stdout()).toBe(
      `${attempt.id} 1 tester-00000000 ${attempt.id}.1 mine\n${dir}\n${dir}\n`,
    );
  });

  test.each<[string, JobSpec, string]>([
    ["without a #! line", { script: 'echo "$1 $2"\n', args: ["a", "b c"] }, "a b c\n"],
    ["with a #! line", { script: "#!/bin/cat\ntext\n" }, "#!/bin/cat\ntext\n"],
    [
      "with an interpreter",
      { script: "console.log(6 * 7)", interpreter: [process.execPath] },
      "42\n",
    ],
  ])("a script %s", async (_what, spec, output) => {
    const attempt = start(spec);
    expect(await attempt.ending).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(attempt.stdout()).toBe(output);
  });

  test("a script that was just written is never busy, many at once", async () => {
    const attempts = Array.from({ length: 40 }, () => start({ script: "#!/bin/sh\nexit 0\n" }));
    const endings = await Promise.all(attempts.map(({ ending }) => ending));
    expect(new Set(endings.map(({ exitCode }) => exitCode))).toEqual(new Set([0]));
  });

  test("standard input is what the spec gives, and nothing otherwise", async () => {
    const [given, none] = [
      start({ command: ["cat"], stdin: "text\u{1F30A}" }),
      start({ command: ["cat"] }),
    ];
    await Promise.all([given.ending, none.ending]);
    expect([given.stdout(), none.stdout()]).toEqual(["text\u{1F30A}", ""]);
  });

  test("a program that cannot start is an outcome with a reason", async () => {
    expect(await start({ command: ["no-such-program"] }).ending).toMatchObject({
      outcome: "spawn_failed",
      reason: "no-such-program: not found on the worker's PATH",
    });
    expect(await start({ command: ["true"], cwd: "/no/such/place" }).ending).toMatchObject({
      outcome: "spawn_failed",
      reason: "/no/such/place: the working directory does not exist on the worker",
    });
  });

  test("a work directory that cannot be made is an outcome with a reason", async () => {
    await using nowhere = createCommandRunner({
      launcher: () => launcher,
      workRoot: "/no/such/root",
      baseEnv: {},
      workerId: "w",
    });
    const ending = await nowhere.run({
      record: { id: "x", spec: { command: ["true"] } } as unknown as JobRecord,
      attempt: 1,
      output: { write: () => {} },
      stop: new AbortController().signal,
      onStarted: () => {},
    });
    expect(ending).toMatchObject({
      outcome: "spawn_failed",
      reason: expect.stringContaining("work directory") as string,
    });
  });

  test("a timeout ends the attempt as timed_out", async () => {
    const attempt = start({ command: ["sleep", "300"], timeout: "200ms" });
    expect(await attempt.ending).toMatchObject({ outcome: "timed_out", signal: "SIGTERM" });
  });

  test("a program that ignores TERM is killed after its own grace time", async () => {
    const attempt = start({
      command: ["trap '' TERM; echo up; while :; do sleep 0.01; done"],
      shell: true,
      grace: "200ms",
    });
    await printed(attempt, "up");
    attempt.stop.abort("cancelled");
    expect(await attempt.ending).toMatchObject({ outcome: "cancelled", signal: "SIGKILL" });
  });

  test("a cancel before and during the start ends as cancelled", async () => {
    const before = new AbortController();
    before.abort("cancelled");
    expect(await start({ command: ["sleep", "300"] }, before).ending).toMatchObject({
      outcome: "cancelled",
    });
    for (let turns = 0; turns < 12; turns += 1) {
      const attempt = start({ command: ["sleep", "300"] });
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      attempt.stop.abort("cancelled");
      expect(await attempt.ending).toMatchObject({ outcome: "cancelled" });
    }
  });

  test("what was given to another worker while it was made ready is not started", async () => {
    const attempt = start({ command: ["echo", "ran"] }, undefined, () => Promise.resolve(false));
    expect(await attempt.ending).toMatchObject({ outcome: "cancelled" });
    expect(attempt.startedAt()).toBeUndefined();
    expect(attempt.stdout()).toBe("");
  });

  test("a timeout after a cancel does not change the reason", async () => {
    const command = ["trap 'sleep 0.4; exit' TERM; echo up; while :; do sleep 0.01; done"];
    const attempt = start({ command, shell: true, timeout: "500ms" });
    await printed(attempt, "up");
    attempt.stop.abort("cancelled");
    expect(await attempt.ending).toMatchObject({ outcome: "cancelled" });
  });

  test("a dead launcher throws, so that the attempt is handed back", async () => {
    const own = await startLauncher({ kind });
    await using other = createCommandRunner({
      launcher: () => own,
      workRoot: root.path,
      baseEnv: { PATH: "/usr/bin:/bin" },
      workerId: "w",
    });
    const ending = other.run({
      record: { id: "lost", spec: { command: ["sleep", "300"] } } as unknown as JobRecord,
      attempt: 1,
      output: { write: () => {} },
      stop: new AbortController().signal,
      onStarted: () => process.kill(own.pid, "SIGKILL"),
    });
    await expect(ending).rejects.toMatchObject({ code: "internal" });
    await own[Symbol.asyncDispose]();
  });

  test("the work directory is private and gone afterwards, whatever was done to it", async () => {
    const attempt = start({
      command: ["stat -c %a .; mkdir -p a/b; touch a/b/c; chmod 000 a/b a; echo up; sleep 0.2"],
      shell: true,
    });
    await printed(attempt, "up");
    expect((await stat(join(root.path, `${attempt.id}.1`))).mode & 0o777).toBe(0o700);
    await attempt.ending;
    expect(attempt.stdout()).toMatch(/^700\n/);
    await until(async () => (await readdir(root.path)).length === 0, "an empty work root");
  });

  test("a given working directory is used and left alone", async () => {
    await using given = await tempDir();
    await mkdir(join(given.path, "inner"));
    const attempt = start({ command: ["ls"], cwd: given.path });
    await attempt.ending;
    expect(attempt.stdout()).toBe("inner\n");
    expect(await readdir(given.path)).toEqual(["inner"]);
  });
});
