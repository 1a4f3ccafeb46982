import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Stored } from "../../../src/shared/io/wire.ts";
import { startWorkerLab, type TestWorker, type WorkerLab } from "./worker-lab.ts";

let lab: WorkerLab;
let worker: TestWorker;

beforeAll(async () => {
  lab = await startWorkerLab();
  worker = await lab.startWorker();
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

/** Counts what is written to a job's record while `act` runs. */
async function writesOf(job: () => string, act: () => Promise<void>): Promise<number> {
  const seen: Stored[] = [];
  using _listening = lab.broker.listen(lab.broker.subjects.jobs.changed, (message) =>
    seen.push(message),
  );
  await act();
  await lab.broker.flush();
  return seen.filter(({ subject }) => subject === lab.broker.subjects.jobs.record(job())).length;
}

describe("a command job", () => {
  it("succeeds with its output and totals in place before the end is recorded", async () => {
    const job = await lab.give(worker, { command: ["printf", "hello"] });
    const { state, attempts } = await lab.final(job);
    expect(state).toBe("succeeded");
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({
      number: 1,
      worker: worker.id,
      outcome: "exited",
      exitCode: 0,
    });
    expect(attempts[0]?.output).toMatchObject({ stdout: 5, stderr: 0, dropped: 0 });
    expect(await lab.output(job)).toBe("hello");
  });

  it("fails with its exit code", async () => {
    const job = await lab.give(worker, { command: ["sh", "-c", "exit 7"] });
    expect(await lab.final(job)).toMatchObject({ state: "failed", attempts: [{ exitCode: 7 }] });
  });

  it("fails with words when there is no such program", async () => {
    const job = await lab.give(worker, { command: ["no-such-program"] });
    const { state, reason } = await lab.final(job);
    expect(state).toBe("failed");
    expect(reason).toMatch(/no-such-program/);
  });

  it("is written once when it is short", async () => {
    let job = "";
    const writes = await writesOf(
      () => job,
      async () => {
        job = await lab.give(worker, { command: ["true"] });
        await lab.final(job);
      },
    );
    expect(writes).toBe(2); // the submit and the end
  });

  it("is recorded as running when it takes longer", async () => {
    const job = await lab.give(worker, { command: ["sleep", "60"] });
    const running = await lab.record(job, "runs", ({ state }) => state === "running");
    expect(running.attempts[0]).toMatchObject({ number: 1, worker: worker.id });
    expect(await worker.ask({ type: "stop", job, attempt: 1, why: "cancelled" })).toMatchObject({
      ok: true,
    });
    expect(await lab.final(job)).toMatchObject({
      state: "cancelled",
      attempts: [{ outcome: "cancelled", signal: "SIGTERM" }],
    });
  });

  it("is stopped by its timeout", async () => {
    const job = await lab.give(worker, { command: ["sleep", "60"], timeout: "100ms" });
    expect(await lab.final(job)).toMatchObject({
      state: "failed",
      attempts: [{ outcome: "timed_out" }],
    });
  });

  it("goes back to the queue, not before its backoff, when it is to be retried", async () => {
    const retry = { attempts: 2, backoff: { initial: "30s", jitter: 0 } };
    const job = await lab.give(worker, { command: ["false"], retry });
    const again = await lab.record(job, "is queued again", ({ attempt }) => attempt === 1);
    expect(again).toMatchObject({ state: "queued", failures: 1 });
    expect(again.notBefore).toBe((again.attempts[0]?.finishedAt ?? 0) + 30_000);
  });

  it("does not disturb anything when asked about unknown attempts", async () => {
    const unknown = { type: "stop", job: "x", attempt: 1, why: "cancelled" } as const;
    expect(await worker.ask(unknown)).toMatchObject({ ok: false });
    expect(await worker.ask({ type: "ping" })).toEqual({ ok: true, held: 0 });
    expect(await worker.ask({ type: "nonsense" } as never)).toMatchObject({ ok: false });
  });
});
