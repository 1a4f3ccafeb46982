import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { apply } from "../../../src/shared/job-machine.ts";
import { freePorts } from "../../lab/ports.ts";
import { startWorkerLab, type Submitted, type TestWorker, type WorkerLab } from "./worker-lab.ts";

let lab: WorkerLab;
let worker: TestWorker;
let metricsPort: number;

beforeAll(async () => {
  lab = await startWorkerLab();
  [metricsPort = 0] = await freePorts(1);
  worker = await lab.startWorker({ metricsPort: String(metricsPort), slots: "2" });
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

const get = (path: string) => fetch(`http://127.0.0.1:${metricsPort}${path}`);

const statusOf = async (path: string) => (await get(path)).status;

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await get("/metrics")).text();
  return Number(pattern.exec(text)?.[1] ?? 0);
}

const superseded = () => metric(/^millrace_superseded_results_total (\d+)/m);

/** What the leader writes when it gives a worker up. */
async function lose({ record }: Submitted): Promise<void> {
  await lab.store.update(record.id, (found) =>
    apply(found, {
      type: "lost",
      at: Date.now(),
      attempt: 1,
      worker: worker.id,
      reason: "test",
      cancelled: false,
      random: 0,
    }),
  );
}

describe("assignments", () => {
  it("are started once, however often they come", async () => {
    const job = await lab.submit({ command: ["sh", "-c", "echo run"] });
    await lab.assign(worker, [job, job]);
    await lab.assign(worker, [job]);
    const last = await lab.give(worker, { command: ["true"] });
    await lab.final(last);
    await lab.final(job.record.id);
    expect(await lab.output(job.record.id)).toBe("run\n");
    expect(await superseded()).toBe(0);
  });

  it("of an old epoch, and unreadable ones, are dropped and counted", async () => {
    const newer = await lab.submit({ command: ["true"] });
    await lab.assign(worker, [newer], 7);
    const old = await lab.submit({ command: ["true"] });
    await lab.assign(worker, [old], 6);
    await lab.broker.publish(lab.broker.subjects.assign.to(worker.id), "rubbish");
    const next = await lab.submit({ command: ["true"] });
    await lab.assign(worker, [next], 7);
    await lab.final(next.record.id);
    expect((await lab.store.read(old.record.id))?.record.state).toBe("queued");
    expect(await metric(/dropped_messages_total\{why="old_epoch"\} (\d+)/)).toBe(1);
    expect(await metric(/dropped_messages_total\{why="unreadable"\} (\d+)/)).toBe(1);
  });

  it("beyond the slots wait for the next free one", async () => {
    const jobs: Submitted[] = [];
    for (let i = 0; i < 5; i += 1) jobs.push(await lab.submit({ command: ["sleep", "0.05"] }));
    await lab.assign(worker, jobs, 7);
    const ends = await Promise.all(jobs.map(({ record }) => lab.final(record.id)));
    expect(ends.map(({ state }) => state)).toEqual(Array(5).fill("succeeded"));
  });

  it("for more slots than the worker has are handed back", async () => {
    const job = await lab.submit({ command: ["true"], slots: 3 });
    await lab.assign(worker, [job], 7);
    const back = await lab.record(job.record.id, "was handed back", ({ attempt }) => attempt === 1);
    expect(back).toMatchObject({ state: "queued", attempts: [{ outcome: "handed_back" }] });
    expect(back.failures).toBe(0);
  });
});

describe("an attempt that the leader has given up", () => {
  it("cannot record its result, which is counted", async () => {
    const before = await superseded();
    const job = await lab.submit({ command: ["sleep", "0.1"] });
    const lostFirst = { ...job };
    await lose(job);
    await lab.assign(worker, [lostFirst], 7);
    await expect.poll(superseded).toBe(before + 1);
    expect((await lab.store.read(job.record.id))?.record).toMatchObject({
      attempts: [{ outcome: "worker_lost" }],
    });
  });

  it("is killed when its start is refused", async () => {
    const before = await superseded();
    const job = await lab.submit({ command: ["sleep", "60"] });
    await lose(job);
    await lab.assign(worker, [job], 7);
    await expect.poll(superseded).toBe(before + 1);
    await expect.poll(async () => worker.ask({ type: "ping" })).toEqual({ ok: true, held: 0 });
  });

  it("is killed when the leader says so", async () => {
    const before = await superseded();
    const job = await lab.submit({ command: ["sleep", "60"] });
    await lab.assign(worker, [job], 7);
    await lab.record(job.record.id, "runs", ({ state }) => state === "running");
    await lose(job);
    const stop = { type: "stop", job: job.record.id, attempt: 1, why: "superseded" } as const;
    expect(await worker.ask(stop)).toMatchObject({ ok: true });
    await expect.poll(superseded).toBe(before + 1);
    expect((await lab.store.read(job.record.id))?.record.state).toBe("queued");
  });
});

describe("the worker's health", () => {
  it("answers on its port", async () => {
    expect(await statusOf("/healthz")).toBe(200);
    expect(await statusOf("/readyz")).toBe(200);
    expect(await statusOf("/nothing")).toBe(404);
  });
});
