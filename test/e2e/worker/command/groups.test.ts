// Attempts with limits in control groups of their own, on both launchers, where this machine lets us make any.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

import { silentLog } from "../../../../src/shared/io/log.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import {
  openControlGroups,
  type ControlGroups,
} from "../../../../src/worker/policy/control-groups.ts";
import type { Policy } from "../../../../src/worker/policy/policy.ts";
import { isAlive } from "../../processes.ts";
import { onEachLauncher } from "../launcher/launch-lab.ts";
import { useCommandLab } from "./command-lab.ts";

const MIB = 2 ** 20;
const isRoot = process.getuid?.() === 0;

let groups: ControlGroups = await openControlGroups(silentLog);
const { base, controllers } = await whatCanBeHad();

/** Where groups can be made here, if anywhere, and the controllers that they have. */
async function whatCanBeHad(): Promise<{ base?: string; controllers: string[] }> {
  await using group = await groups.open(`test${process.pid}.0`, { openFiles: 99 });
  const { group: entry } = group.request;
  if (entry === undefined) return { controllers: [] };
  const path = dirname(entry);
  const list = readFileSync(join(path, "cgroup.controllers"), "utf8");
  return { base: dirname(path), controllers: list.trim().split(" ") };
}

const groupPath = (name: string): string => join(base!, name);

/** Shell: takes so much memory and says so. */
const take = (mib: number): string =>
  `node -e 'const all = []; for (let i = 0; i < ${mib}; i++) all.push(Buffer.alloc(${MIB}, 1)); console.log("took")'`;

// what is missing stands in the title of what is skipped
describe.skipIf(base === undefined)("with a cgroup v2 that may be written", () => {
  onEachLauncher((kind) => {
    const lab = useCommandLab(kind);

    async function run(script: string, limits?: JobSpec["limits"], policy: Partial<Policy> = {}) {
      const spec: JobSpec = { script, env: { PATH: process.env["PATH"] ?? "" } };
      const { tag, ...end } = await lab.run(limits === undefined ? spec : { ...spec, limits }, {
        policy,
        groups,
      });
      return { ...end, group: `millrace-${tag}` };
    }

    test("one that is stopped while its group is made ends at once", async () => {
      const stop = new AbortController();
      const open: ControlGroups["open"] = (...args) => {
        stop.abort();
        return groups.open(...args);
      };
      const spec = { command: ["sleep", "300"], limits: { openFiles: 99 } };
      const end = await lab.run(spec, { groups: { open }, stop: stop.signal });
      expect(end).toMatchObject({ outcome: "cancelled", signal: "SIGTERM" });
    });

    const SHOW = "grep ^0:: /proc/self/cgroup; ulimit -n; ls /proc/self/fd | tr '\\n' ' '";

    test("one with limits has its own group, its limits and no file more", async () => {
      const { output, group, outcome, exitCode } = await run(SHOW, { openFiles: 99 });
      expect([outcome, exitCode]).toEqual(["exited", 0]);
      expect(output).toMatch(new RegExp(`/${group}\n99\n0 1 2 3 $`));
      expect(existsSync(groupPath(group))).toBe(false);
    });

    test("one without has none", async () => {
      const { output } = await run(SHOW);
      expect(output).not.toContain("millrace-job");
    });

    test.runIf(isRoot)("one that runs as another user has one that it cannot leave", async () => {
      const policy = { user: { uid: 65_534, gid: 65_534 } };
      const leave = `id -u; echo 0 > ${groupPath("cgroup.procs")} || echo stays`;
      const { output, group } = await run(`${SHOW}; ${leave}`, { openFiles: 99 }, policy);
      expect(output).toContain(`/${group}\n99\n`);
      expect(output).toContain("65534\n");
      expect(output).toContain("stays\n");
    });

    test("what let go of everything, its name too, does not outlive it", async () => {
      const stray =
        "env -i setsid sh -c 'echo > away; exec sleep 300' < /dev/null > /dev/null 2>&1";
      const { output, group } = await run(
        `${stray} & echo $!; until [ -e away ]; do sleep 0.01; done`,
        { openFiles: 99 },
      );
      expect(isAlive(Number(output))).toBe(false);
      expect(existsSync(groupPath(group))).toBe(false);
    });

    test("groups that it makes in its group go with it", async () => {
      const own = `${groupPath("")}/$(sed -n 's|^0::.*/||p' /proc/self/cgroup)`;
      const { output, group } = await run(`mkdir -p ${own}/a/b; ls -d ${own}/a/b`, {
        openFiles: 99,
      });
      expect(output).toContain(`/${group}/a/b\n`);
      expect(existsSync(groupPath(group))).toBe(false);
    });

    describe.skipIf(!controllers.includes("memory"))("with its memory controller", () => {
      test("memory counts for all of it together, and not before it is used", async () => {
        const { outcome, exitCode, output } = await run(take(16), { memoryBytes: 200 * MIB });
        expect([outcome, exitCode, output]).toEqual(["exited", 0, "took\n"]);
      });

      test("who takes more is killed whole, and it is said why", async () => {
        const script = `sleep 300 & ${take(400)}; echo survived`;
        expect(await run(script, { memoryBytes: 100 * MIB })).toMatchObject({
          outcome: "signalled",
          signal: "SIGKILL",
          reason: "killed: over its memory limit",
          output: "",
        });
      });

      test("the least there is kills the program and not the launcher", async () => {
        await run("true", { memoryBytes: MIB });
        expect(await run("echo well")).toMatchObject({ outcome: "exited", output: "well\n" });
      });
    });

    describe.skipIf(!controllers.includes("pids"))("with its pids controller", () => {
      test("processes are counted for the attempt alone, root's too", async () => {
        const script = "for i in 1 2 3 4 5 6; do sleep 300 & done; echo all";
        const { output } = await run(script, { processes: 4 });
        expect(output).toMatch(/fork/i);
        expect(await run("true", { processes: 4 })).toMatchObject({ exitCode: 0 });
      });
    });
  });

  test("what a worker leaves that is killed with its launcher, the next one clears away", async () => {
    const tag = `test${process.pid}.1`;
    const { request } = await groups.open(tag, { openFiles: 99 });
    const orphan = spawn("sleep", ["300"], { stdio: "ignore" });
    const ended = once(orphan, "exit");
    writeFileSync(request.group!, `${orphan.pid}`, { flag: "r+" });
    groups = await openControlGroups(silentLog);
    await groups.clear(tag);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(existsSync(dirname(request.group!))).toBe(false);
    await groups.clear(tag);
  });

  test("a group that cannot be made leaves the limits to each process", async () => {
    const tag = `test${process.pid}.2`;
    const path = groupPath(`millrace-${tag}`);
    await mkdir(path);
    const limits = { openFiles: 99, memoryBytes: MIB };
    await using group = await groups.open(tag, limits);
    expect(group.request).toEqual({ limits });
    expect(existsSync(path)).toBe(false);
  });
});
