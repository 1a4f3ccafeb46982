// What Nuvla's job engine could do: priorities, many executors, and a broken one whose jobs go to others.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobSpec } from "../../../src/shared/spec.ts";
import { startLab, type Lab, type LabWorkerOptions } from "../../lab/lab.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { isAlive } from "../processes.ts";
import { openText } from "../text-stream.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ workers: [] });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Workers of a test's own, by their names, and the jobs that only they get. */
function crew(of: string) {
  const mine = (spec: JobSpec): JobSpec => ({ ...spec, require: [`crew=${of}`] });
  return {
    mine,
    hire: (name: string, options: LabWorkerOptions = {}) =>
      lab.addWorker({ ...options, name: `${of}-${name}`, labels: { crew: of } }),
    submit: (spec: JobSpec) => lab.submit(mine(spec)),
  };
}

describe.concurrent("priorities", () => {
  it("decide who goes first; among equals it is the older", async () => {
    await using dir = await tempDir();
    const { hire, submit } = crew("picky");
    await hire("one", { slots: 1 });
    const first = await submit({ command: ["sleep", "600"] });
    await lab.until(first, "running");
    const order = join(dir.path, "order");
    const note = (priority: number, word: string): JobSpec => ({
      command: ["sh", "-c", `echo ${word} >> ${order}`],
      priority,
    });
    const waiting = [];
    for (const [priority, word] of [
      [5, "c"],
      [1, "e"],
      [9, "a"],
      [5, "d"],
      [7, "b"],
    ] as const)
      waiting.push(await submit(note(priority, word)));

    await lab.call("POST", `/v1/jobs/${first}/cancel`);
    for (const id of waiting) await lab.until(id, "succeeded");
    expect(await readFile(order, "utf8")).toBe("a\nb\nc\nd\ne\n");
  });
});

describe.concurrent("several workers", () => {
  it("all take their part of many jobs, each job once", async () => {
    await using dir = await tempDir();
    const { hire, mine } = crew("many");
    const workers = await Promise.all(["one", "two", "three"].map((name) => hire(name)));
    const command = ["sh", "-c", `echo $MILLRACE_JOB_ID >> ${dir.path}/ran; sleep 0.2`];
    const specs = Array.from({ length: 60 }, () => mine({ command }));
    const { jobs } = await lab.call<{ jobs: { id: string }[] }>("POST", "/v1/jobs/batch", {
      jobs: specs,
    });
    const ended = await Promise.all(jobs.map(({ id }) => lab.until(id, "succeeded")));
    const shares = workers.map(({ id }) => ended.filter((job) => job.worker === id).length);
    expect(Math.min(...shares)).toBeGreaterThan(5);
    const ran = (await readFile(`${dir.path}/ran`, "utf8")).trim().split("\n");
    expect(ran.toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
  });
});

describe.concurrent("a worker that breaks", () => {
  it("loses its jobs to another, and takes what it ran with it", async () => {
    const { hire, submit } = crew("frail");
    await Promise.all([hire("one"), hire("two")]);
    const id = await submit({ command: ["sh", "-c", "echo $$; sleep 600"] });
    await lab.until(id, "running");
    await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?attempt=all&follow`);
    const pid = Number(await follower.until(/\d+\n/));

    const owner = await lab.ownerOf(id);
    await owner.kill("SIGKILL");
    await until(() => !isAlive(pid), "the program to end with its worker");
    const job = await lab.until(id, "running", { attempt: 2 });
    expect(job.worker).not.toBe(owner.id);
    expect(job.attempts[0]).toMatchObject({ worker: owner.id, outcome: "worker_lost" });
    expect(await follower.until(/\d+\n\d+\n/)).toMatch(new RegExp(`^${pid}\n`));
  }, 120_000);

  it("fails a job that asked not to be run twice", async () => {
    const { hire, submit } = crew("lone");
    await hire("one");
    const id = await submit({ command: ["sleep", "600"], onWorkerLost: "fail" });
    await lab.until(id, "running");
    await (await lab.ownerOf(id)).kill("SIGKILL");
    expect(await lab.until(id, "failed")).toMatchObject({ outcome: "worker_lost" });
  }, 120_000);
});

describe.concurrent("a worker that is told to leave", () => {
  it("hands back what it cannot finish in time, which does not count as a try", async () => {
    const { hire, submit } = crew("leaving");
    await Promise.all([hire("one"), hire("two")]);
    const id = await submit({ command: ["sleep", "600"], retry: { attempts: 1 } });
    await lab.until(id, "running");
    const owner = await lab.ownerOf(id);
    await lab.call("POST", `/v1/workers/${owner.id}/drain`, { timeout: "100ms" });
    expect(await owner.exited).toEqual({ code: 0, signal: null });
    const job = await lab.until(id, "running", { attempt: 2 });
    expect(job.worker).not.toBe(owner.id);
    expect(job.attempts[0]).toMatchObject({ outcome: "handed_back" });
  });

  it("finishes what it can, and takes nothing new meanwhile", async () => {
    await using dir = await tempDir();
    const { hire, submit } = crew("finishing");
    await hire("one");
    const waitFor = `while ! [ -e ${dir.path}/go ]; do sleep 0.1; done`;
    const id = await submit({ command: ["sh", "-c", waitFor] });
    await lab.until(id, "running");
    const owner = await lab.ownerOf(id);
    await lab.call("POST", `/v1/workers/${owner.id}/drain`);
    const next = await submit({ command: ["touch", `${dir.path}/go`] });
    const other = await hire("two");
    expect((await lab.until(next, "succeeded")).worker).toBe(other.id);
    expect((await lab.until(id, "succeeded")).worker).toBe(owner.id);
    expect(await owner.exited).toEqual({ code: 0, signal: null });
  });
});
