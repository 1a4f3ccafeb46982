// What scheduler-worker could do, and what it promised: start a command on a named worker, query it, stream its output, stop it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { ask, type WorkerView } from "../../lab/api.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { isAlive } from "../processes.ts";
import { openText } from "../text-stream.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ workers: [{ name: "alpha" }, { name: "beta" }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

describe("start", () => {
  it.each(["alpha", "beta"])("runs a command on worker %s when it is named", async (name) => {
    const id = await lab.submit({ command: ["echo", "here"], worker: name });
    const { worker } = await lab.until(id, "succeeded");
    expect(worker).toMatch(new RegExp(`^${name}-`));
  });

  it("takes the id that the list of workers shows", async () => {
    const { workers } = await lab.call<{ workers: WorkerView[] }>("GET", "/v1/workers");
    const beta = workers.find((worker) => worker.name === "beta")!;
    const id = await lab.submit({ command: ["true"], worker: beta.id });
    expect((await lab.until(id, "succeeded")).worker).toBe(beta.id);
  });

  it("needs no name: any worker will do, and every argument arrives as it is", async () => {
    const id = await lab.submit({ command: ["printf", "<%s>", "a b", "", "$HOME", "*"] });
    await lab.until(id, "succeeded");
    expect(await lab.output(id)).toBe("<a b><><$HOME><*>");
  });
});

describe("query", () => {
  it("tells a running job from its end, and success from failure, by exit code", async () => {
    const id = await lab.submit({ command: ["sh", "-c", "read gone; exit 3"], stdin: "x\n" });
    expect(await lab.until(id, "failed")).toMatchObject({ outcome: "exited", exitCode: 3 });

    const running = await lab.submit({ command: ["sleep", "600"] });
    await lab.until(running, "running");
    await until(async () => (await lab.job(running)).startedAt, "the start to be recorded");
    expect((await lab.job(running)).finishedAt).toBeUndefined();
    await lab.call("POST", `/v1/jobs/${running}/cancel`);
    await lab.until(running, "cancelled");
  });

  it("says why a program could not be started", async () => {
    const id = await lab.submit({ command: ["no-such-program"] });
    const job = await lab.until(id, "failed");
    expect(job.outcome).toBe("spawn_failed");
    expect(job.attempts[0]?.reason).toContain("no-such-program");
  });

  it("knows a job that is not there from one that is", async () => {
    const answer = await ask<Problem>(`${lab.url}/v1/jobs/${"0".repeat(20)}`, "GET");
    expect(answer).toMatchObject({ status: 404, body: { code: "job_not_found" } });
  });
});

describe("stream", () => {
  it("shows both channels while the job runs, and the same again afterwards", async () => {
    const script = "echo first; echo wrong >&2; while ! [ -e go ]; do sleep 0.1; done; echo last";
    const id = await lab.submit({ command: ["sh", "-c", `pwd; ${script}`] });
    await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?follow`);
    const [dir] = (await follower.until(/wrong/)).split("\n");
    expect((await lab.job(id)).state).toBe("running");
    await lab.call("POST", "/v1/jobs", { command: ["touch", `${dir}/go`] });
    const followed = await follower.rest();
    expect(followed.split("\n").toSorted()).toEqual(["", dir, "first", "last", "wrong"]);
    expect(await lab.output(id)).toBe(followed);
    expect(await lab.call("GET", `/v1/jobs/${id}/logs?channel=stderr`)).toBe("wrong\n");
  });
});

describe("stop", () => {
  it("ends the whole tree of processes, and is no failure", async () => {
    const script = "setsid sleep 600 & sleep 600 & echo $! $$; wait";
    const id = await lab.submit({ command: ["sh", "-c", script], grace: "1s" });
    await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?follow`);
    const pids = (await follower.until(/\d+ \d+\n/)).trim().split(" ").map(Number);
    expect(pids.every(isAlive)).toBe(true);

    await lab.call("POST", `/v1/jobs/${id}/cancel`, { reason: "enough" });
    const job = await lab.until(id, "cancelled");
    expect(job).toMatchObject({ outcome: "cancelled" });
    await until(() => !pids.some(isAlive), "the processes to end");
    await follower.rest();
  });

  it("refuses what is over already", async () => {
    const id = await lab.submit({ command: ["true"] });
    await lab.until(id, "succeeded");
    const answer = await ask<Problem>(`${lab.url}/v1/jobs/${id}/cancel`, "POST");
    expect(answer).toMatchObject({ status: 409, body: { code: "job_finished" } });
  });
});
