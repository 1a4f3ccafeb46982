// A worker whose launcher keeps dying is taken out of service, stays out under the next leader, and is let in again.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { ask, type WorkerView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { spawnNode } from "../lab/spawn.ts";
import { until } from "../lab/until.ts";

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ schedulers: 2, workers: [{ name: "flaky" }, { name: "sound" }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** They start at the same time, and stand in the lab as they came. */
const flaky = () => lab.workers.find(({ id }) => id.startsWith("flaky-"))!;
const view = () => lab.call<WorkerView>("GET", `/v1/workers/${flaky().id}`);
const isIn = (status: string) =>
  until(async () => (await view()).status === status, `flaky to be ${status}`);

async function millrace(...args: string[]) {
  await using child = await spawnNode(MILLRACE, args);
  const { code } = await child.exited;
  return { code, text: child.stdout() + child.stderr() };
}

/** The program that starts the worker's programs. */
async function launcherOf(pid: number): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const child of pids) {
    const stat = await readFile(`/proc/${child}/stat`, "utf8").catch(() => "");
    if (stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(pid)) return Number(child);
  }
  throw new Error(`process ${pid} has no launcher`);
}

it("gets nothing after three failures in a row, whoever leads, until it is released", async () => {
  for (let i = 0; i < 3; i += 1) {
    const job = await lab.submit({
      command: ["sleep", "600"],
      worker: "flaky",
      onWorkerLost: "fail",
    });
    await lab.until(job, "running");
    process.kill(await launcherOf(flaky().pid), "SIGKILL");
    await lab.until(job, "failed");
  }
  await isIn("quarantined");
  const told = await millrace("doctor", `--url=${lab.url}`, `--nats=${lab.broker.url}`);
  expect(told.text).toMatch(/flaky.*keeps failing/);

  const leader = await lab.leader();
  await leader.kill("SIGKILL");
  const { url } = await lab.leader();
  expect(await view()).toMatchObject({ status: "quarantined", quarantine: { probes: 0 } });
  expect(await millrace("worker", "release", "flaky", `--url=${url}`)).toMatchObject({ code: 0 });
  await lab.until(await lab.submit({ command: ["true"], worker: "flaky" }), "succeeded");
  await isIn("ready");
  expect((await ask(`${url}/v1/workers/flaky/release`, "POST")).body).toMatchObject({
    code: "worker_not_found",
  });
});
