import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Stored } from "../../../src/shared/io/wire.ts";
import { until } from "../../lab/until.ts";
import { startWorkerLab, type TestWorker, type WorkerLab } from "./worker-lab.ts";

let lab: WorkerLab;

beforeAll(async () => {
  lab = await startWorkerLab();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

async function running(worker: TestWorker, command: string[]): Promise<string> {
  const job = await lab.give(worker, { command });
  await lab.record(job, "runs", ({ state }) => state === "running");
  return job;
}

describe("a worker that drains", () => {
  it("finishes what runs, takes nothing new, deregisters and is gone", async () => {
    await using worker = await lab.startWorker();
    const beats: Stored[] = [];
    using _listening = lab.broker.listen(lab.broker.subjects.workers.beats, (beat) =>
      beats.push(beat),
    );
    const job = await running(worker, ["sleep", "1"]);
    worker.drain();
    const told = await until(async () => {
      const beat = await worker.beat();
      return beat?.draining ? beat : undefined;
    }, "a heartbeat that says draining");
    expect(told).toMatchObject({ cordoned: true, held: [{ job, attempt: 1 }] });
    const late = await lab.give(worker, { command: ["true"] });
    const back = await lab.record(late, "was handed back", ({ attempt }) => attempt === 1);
    expect(back).toMatchObject({ state: "queued", attempts: [{ outcome: "handed_back" }] });
    await worker.left;
    expect(await lab.final(job)).toMatchObject({ state: "succeeded" });
    await until(() => beats.at(-1)?.removed, "the removal of its entry");
  });

  it("stops what is still running when the time is up, and hands it back", async () => {
    await using worker = await lab.startWorker({ drainTimeout: "100ms" });
    const job = await running(worker, ["sleep", "60"]);
    worker.drain();
    await worker.left;
    const back = (await lab.store.read(job))?.record;
    expect(back).toMatchObject({
      state: "queued",
      failures: 0,
      attempts: [{ outcome: "handed_back" }],
    });
  });

  it("does so when the API asks", async () => {
    await using worker = await lab.startWorker();
    const job = await running(worker, ["sleep", "60"]);
    expect(await worker.ask({ type: "drain", timeoutMs: 50 })).toEqual({ ok: true, held: 1 });
    await worker.left;
    expect((await lab.store.read(job))?.record.attempts).toMatchObject([
      { outcome: "handed_back" },
    ]);
  });

  it("leaves at once on the second signal, also from a job that ignores TERM", async () => {
    await using worker = await lab.startWorker();
    const job = await running(worker, ["sh", "-c", "trap '' TERM; sleep 60 & wait; wait"]);
    worker.drain();
    worker.now();
    await worker.left;
    expect((await lab.store.read(job))?.record).toMatchObject({
      state: "queued",
      attempts: [{ outcome: "handed_back" }],
    });
  });
});
