// deploy/compose.yaml as it is: built, brought up, scaled, and with a broker killed under it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobView, Stats, WorkerView } from "../../lab/api.ts";
import { until } from "../../lab/until.ts";
import { missingEngine, startCompose, type Compose } from "./compose.ts";

const BUILD_MS = 600_000;
const WAIT_MS = 120_000;

const missing = await missingEngine();
if (missing !== undefined && process.env["CI"]) throw new Error(`cannot try deploy/: ${missing}`);
if (missing !== undefined) process.stderr.write(`\nSKIPPED, deploy/ is not tried: ${missing}\n\n`);

const counting = (to: number, step: string) => ({
  command: ["sh", "-c", `for i in $(seq ${to}); do echo $i; sleep ${step}; done`],
});
const numbers = (to: number) => Array.from({ length: to }, (_, i) => `${i + 1}\n`).join("");

describe.skipIf(missing !== undefined)(
  "the compose file",
  () => {
    let compose: Compose;

    beforeAll(async () => {
      compose = await startCompose();
      const led = async () => (await compose.call<Stats>("GET", "/v1/stats")).leader;
      await until(led, "a leader", WAIT_MS);
      await until(async () => (await workers()).length === 1, "the worker", WAIT_MS);
    }, BUILD_MS);
    afterAll(() => compose?.[Symbol.asyncDispose](), WAIT_MS);

    const workers = async () =>
      (await compose.call<{ workers: WorkerView[] }>("GET", "/v1/workers")).workers.filter(
        ({ status }) => status === "ready",
      );
    const submit = async (spec: object) =>
      (await compose.call<JobView>("POST", "/v1/jobs", spec)).id;
    const output = (job: string) => compose.call<string>("GET", `/v1/jobs/${job}/logs`);
    const job = (id: string) => compose.call<JobView>("GET", `/v1/jobs/${id}`);
    const succeeded = (id: string) =>
      until(async () => (await job(id)).state === "succeeded", `the end of ${id}`, WAIT_MS);

    it("runs a job, on a worker that is not root and has an init above it", async () => {
      const id = await submit({ command: ["sh", "-c", "id -u; cat /proc/1/comm"] });
      await succeeded(id);
      expect(await output(id)).toBe("1000\ntini\n");
      const other = await fetch(`${compose.urls[0]}/v1/jobs/${id}`);
      expect(await other.json()).toMatchObject({ id, state: "succeeded" });
    });

    it("is called well by the doctor, with three copies of everything", async () => {
      const { code, stdout } = await compose.millrace("doctor", "--json");
      const { level, findings } = JSON.parse(stdout) as {
        level: string;
        findings: { about: string; text: string }[];
      };
      expect({ code, level, findings }).toMatchObject({ code: 0, level: "ok" });
      const texts = findings.map(({ about, text }) => `${about}: ${text}`);
      expect(texts).toContainEqual(expect.stringMatching(/^durability: 3 copies.*the last 2m/));
      expect(texts.filter((text) => text.startsWith("disk of nats-"))).toHaveLength(3);
    });

    it("takes another worker by scale, which runs jobs at once", async () => {
      const [old] = await workers();
      await compose.run("up", "--detach", "--no-build", "--scale", "worker=2");
      await until(async () => (await workers()).length === 2, "a second worker", WAIT_MS);
      const added = (await workers()).find(({ id }) => id !== old?.id);
      const id = await submit({ command: ["echo", "here"], worker: added?.id });
      await succeeded(id);
      expect(await job(id)).toMatchObject({ worker: added?.id });
    });

    it("runs on, and loses no output, when a broker is killed", async () => {
      const before = await submit(counting(60, "0.2"));
      await until(async () => (await output(before)).includes("5\n"), "output", WAIT_MS);
      await compose.run("kill", "nats-1");
      const accepted = async () => submit(counting(3, "0"));
      const after = await until(accepted, "a job to be accepted", WAIT_MS);
      await succeeded(after);
      await succeeded(before);
      for (const [id, to] of [
        [before, 60],
        [after, 3],
      ] as const)
        await until(async () => (await output(id)) === numbers(to), `all output of ${id}`, WAIT_MS);
      expect((await job(before)).attempts).toHaveLength(1);

      const { code, stdout } = await compose.millrace("doctor");
      expect(stdout).toMatch(/warning +streams +copies are behind or away/);
      expect(code).toBe(1);
      await compose.run("start", "nats-1");
      const well = async () => (await compose.millrace("doctor")).code === 0;
      await until(well, "the doctor to find nothing more", WAIT_MS);
    });

    it("lets what runs end when the workers are told to stop", async () => {
      const id = await submit(counting(10, "0.5"));
      await until(async () => (await output(id)).includes("2\n"), "output", WAIT_MS);
      await compose.run("stop", "worker");
      expect(await job(id)).toMatchObject({ state: "succeeded", attempt: 1 });
      expect(await output(id)).toBe(numbers(10));
      expect((await workers()).length).toBe(0);
    });
  },
  WAIT_MS * 3,
);
