import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startLauncher, type Launcher } from "../../../../src/worker/launcher/launcher.ts";
import { nativeLauncher } from "../../../../src/worker/launcher/launcher-program.ts";
import { tempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";
import { sh } from "./launch-lab.ts";

describe.skipIf(nativeLauncher() === undefined)("what only the native launcher can do", () => {
  let launcher: Launcher;
  beforeAll(async () => void (launcher = await startLauncher()));
  afterAll(() => launcher[Symbol.asyncDispose]());

  test("it is the one that is started where it was built", () => {
    expect(launcher.kind).toBe("native");
  });

  test("what an attempt used is told, with what its children used", async () => {
    const burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    const { usage } = await sh(launcher, `sh -c '${burn}'; exit 3`).exit;
    expect(usage?.cpuMs).toBeGreaterThan(20);
    expect(usage?.maxRssKb).toBeGreaterThan(500);
  });

  test("a child without the tag does not outlive the launcher", async () => {
    await using own = await startLauncher({ kind: "native" });
    await using dir = await tempDir();
    const daemon = "env -i setsid sh -c 'echo > away; exec sleep 300' < /dev/null > /dev/null 2>&1";
    const job = sh(own, `${daemon} & echo $!; until [ -e away ]; do sleep 0.01; done`, {
      cwd: dir.path,
    });
    expect(await job.exit).toMatchObject({ kind: "exited", code: 0 });
    const pid = Number(job.stdout());
    expect(isAlive(pid)).toBe(true);
    await own[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
  });

  test("its children die with it at once", async () => {
    await using own = await startLauncher({ kind: "native" });
    const { pid } = await sh(own, "trap '' TERM; sleep 300").launched.started;
    process.kill(own.pid, "SIGKILL");
    await until(() => !isAlive(pid), "its end", 1_000);
  });

  test("it stays small, whatever went through it", async () => {
    const job = sh(launcher, "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2");
    await job.exit;
    await Promise.all(Array.from({ length: 50 }, () => sh(launcher, "true").exit));
    const status = readFileSync(`/proc/${launcher.pid}/status`, "utf8");
    // 2 MiB of it may be what it keeps of its way to a worker that was slow to read
    expect(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])).toBeLessThan(5_000);
  });
});

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
