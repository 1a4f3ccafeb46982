import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { startLauncher, type Launcher } from "../../../../src/worker/launcher/launcher.ts";
import { spawnNode } from "../../../lab/spawn.ts";
import { tempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";
import { alive, newTag, onEachLauncher, sh } from "./launch-lab.ts";

const says = (job: ReturnType<typeof sh>, text: string) =>
  until(() => job.stdout().includes(text), `"${text}" in the output`);

onEachLauncher((kind) => {
  const warn = vi.fn<(facts: object, message: string) => void>();
  let launcher: Launcher;
  beforeAll(async () => void (launcher = await startLauncher({ kind, log: { warn } })));
  afterAll(() => launcher[Symbol.asyncDispose]());

  test("TERM is enough for a program that heeds it", async () => {
    const job = sh(
      launcher,
      "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done",
      {
        graceMs: 20_000,
      },
    );
    await says(job, "up");
    job.launched.stop();
    job.launched.stop();
    expect(await job.exit).toMatchObject({ kind: "exited", code: 5, stopped: true });
    expect(job.stdout()).toBe("up\nbye\n");
  });

  test("KILL ends a tree that ignores TERM, after the grace time", async () => {
    const job = sh(launcher, "trap '' TERM; sleep 300 & (sleep 300 & wait) & echo up; wait");
    await says(job, "up");
    const stoppedAt = Date.now();
    job.launched.stop();
    const exit = await job.exit;
    expect(exit).toMatchObject({ kind: "signalled", signal: "SIGKILL", stopped: true });
    expect(exit.finishedAt - stoppedAt).toBeGreaterThanOrEqual(290);
    expect(alive(job.tag)).toEqual([]);
  });

  test("a member of the group keeps the grace time when its leader is gone", async () => {
    const member = "trap 'sleep 0.3; echo tidy; exit' TERM; echo up; while :; do sleep 0.01; done";
    const job = sh(launcher, `(${member}) & wait`, { graceMs: 20_000 });
    await says(job, "up");
    job.launched.stop();
    expect(await job.exit).toMatchObject({ stopped: true });
    expect(job.stdout()).toContain("tidy");
  });

  test("stop finds those who left the group by setsid and double fork", async () => {
    const job = sh(
      launcher,
      "trap '' TERM; (setsid sh -c 'sleep 300 & sleep 300 & wait' &) ; echo up; sleep 300",
    );
    await says(job, "up");
    await until(() => alive(job.tag).length >= 5, "the whole tree");
    job.launched.stop();
    expect(await job.exit).toMatchObject({ kind: "signalled", signal: "SIGKILL", stopped: true });
    expect(alive(job.tag)).toEqual([]);
  });

  test("a stray that ignores TERM is killed and counted", async () => {
    const job = sh(
      launcher,
      `setsid sh -c "trap '' TERM; echo up; while :; do sleep 0.01; done" & wait`,
    );
    await says(job, "up");
    job.launched.stop();
    expect((await job.exit).strays).toBeGreaterThanOrEqual(1);
    expect(alive(job.tag)).toEqual([]);
  });

  test("a grandchild that holds the output open delays the end by 2 s at most", async () => {
    const job = sh(launcher, "setsid sleep 300 & echo done");
    const exit = await job.exit;
    expect(exit).toMatchObject({ kind: "exited", code: 0, strays: 1 });
    expect(Date.now() - exit.finishedAt).toBeLessThan(3_500);
    expect(alive(job.tag)).toEqual([]);
  });

  test("what a helper of the program still writes after its end is kept", async () => {
    const job = sh(launcher, "(sleep 0.3; echo late) & echo early");
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    expect(job.stdout()).toBe("early\nlate\n");
  });

  test("a child left in the group without the output dies with the program", async () => {
    const job = sh(launcher, "sleep 300 > /dev/null 2>&1 & exit 0");
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    await until(() => alive(job.tag).length === 0, "the child is gone");
  });

  test("a daemon that let go of everything is found and reported", async () => {
    await using dir = await tempDir();
    const daemon = `setsid sh -c 'echo > away; exec sleep 300' < /dev/null > /dev/null 2>&1 &`;
    const job = sh(launcher, `${daemon} until [ -e away ]; do sleep 0.01; done`, { cwd: dir.path });
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    const isReport = ([facts]: [object, ...unknown[]]) => "tag" in facts && facts.tag === job.tag;
    await until(() => warn.mock.calls.some(isReport), "the report");
    expect(alive(job.tag)).toEqual([]);
  });

  test("closed output is not the end of the program", async () => {
    const job = sh(launcher, "exec >&- 2>&-; sleep 0.3; exit 4");
    expect(await job.exit).toMatchObject({ kind: "exited", code: 4 });
    const { at } = await job.launched.started;
    expect((await job.exit).finishedAt - at).toBeGreaterThanOrEqual(290);
  });

  test("a stop right behind the launch is not lost", async () => {
    const job = sh(launcher, "sleep 300");
    job.launched.stop();
    expect(await job.exit).toMatchObject({ kind: "signalled", signal: "SIGTERM", stopped: true });
  });

  test("a stop after the end changes nothing", async () => {
    const job = sh(launcher, "exit 6");
    const exit = await job.exit;
    job.launched.stop();
    job.launched.kill();
    expect(exit).toMatchObject({ kind: "exited", code: 6, stopped: false });
  });

  test("running out of file descriptors fails some starts and leaves nothing broken", async () => {
    await using own = await startLauncher({ kind });
    execFileSync("prlimit", ["--pid", String(own.pid), "--nofile=80"]);
    const jobs = Array.from({ length: 40 }, () => sh(own, "sleep 300"));
    const failed = await Promise.race(jobs.map(({ exit }) => exit));
    expect(failed).toMatchObject({ kind: "spawn_failed", code: "EMFILE" });
    for (const job of jobs) job.launched.kill();
    await Promise.all(jobs.map(({ exit }) => exit));
    const next = Array.from({ length: 8 }, () => sh(own, "echo fine"));
    expect(await Promise.all(next.map(({ exit }) => exit))).toEqual(
      next.map(() => expect.objectContaining({ kind: "exited", code: 0 }) as object),
    );
  });

  test("a supervisor's signals do not move the launcher", async () => {
    const job = sh(launcher, "echo up; sleep 0.2; exit 0");
    await says(job, "up");
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
      process.kill(launcher.pid, signal);
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
  });

  test("a worker killed with -9 leaves nothing of its jobs within a second", async () => {
    const tag = newTag();
    await using worker = await spawnNode(new URL("doomed-worker.ts", import.meta.url).pathname, [
      tag,
      kind,
    ]);
    await worker.printed(/stands/);
    const pid = Number((await worker.printed(/launcher (\d+)/))[1]);
    await until(() => alive(tag).length >= 5, "the whole tree");
    await worker.kill("SIGKILL");
    await until(() => alive(tag).length === 0, "no survivor", 1_000);
    await until(() => !isRunning(pid), "the launcher is gone", 1_000);
  });

  test("a launcher killed with -9 takes its attempts with it", async () => {
    await using own = await startLauncher({ kind });
    const job = sh(own, "trap '' TERM; setsid sleep 300 & sleep 300 & echo up; wait");
    await says(job, "up");
    process.kill(own.pid, "SIGKILL");
    expect(await job.exit).toMatchObject({
      kind: "lost",
      reason: expect.stringContaining("SIGKILL") as string,
    });
    expect(alive(job.tag)).toEqual([]);
    await own.closed;
    expect(await sh(own, "true").exit).toMatchObject({ kind: "lost" });
  });

  test("disposing a launcher kills what still runs", async () => {
    const own = await startLauncher({ kind });
    const job = sh(own, "setsid sleep 300 & sleep 300");
    await job.launched.started;
    await own[Symbol.asyncDispose]();
    expect(await job.exit).toMatchObject({ kind: "lost" });
    expect(alive(job.tag)).toEqual([]);
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
