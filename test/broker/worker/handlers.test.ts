import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../../lab/until.ts";
import { startWorkerLab, writeHandler, type TestWorker, type WorkerLab } from "./worker-lab.ts";

let lab: WorkerLab;
let worker: TestWorker;

const WITH_SCHEMA = `input: { safeParse(value) {
  if (typeof value?.count === "number") return { success: true, data: value };
  return { success: false, error: { issues: [{ path: ["count"], message: "must be a number" }] } };
} },`;

beforeAll(async () => {
  lab = await startWorkerLab();
  const add = (name: string, body: string, more?: string) =>
    writeHandler(lab.handlersDir, name, body, more);
  await add("greet", `ctx.log("hello", input.name); return { length: input.name.length };`);
  await add("counts", `return input.count + 1;`, WITH_SCHEMA);
  await add("throws", `throw new Error("no luck today");`, `retry: { attempts: 2 },`);
  await add(
    "obeys",
    `await new Promise((r) => ctx.signal.addEventListener("abort", r));`,
    `timeout: "100ms",`,
  );
  await add("deaf", `await new Promise((r) => setTimeout(r, 1_500));`);
  await add("huge", `return "x".repeat(5_000_000);`);
  await add("odd", `return 1n;`);
  await add(
    "moves",
    `ctx.progress(0.5, "half"); await new Promise((r) => ctx.signal.addEventListener("abort", r));`,
  );
  worker = await lab.startWorker({ handlers: lab.handlersDir });
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

describe("a handler job", () => {
  it("keeps what the handler returned and logged", async () => {
    const job = await lab.give(worker, { handler: "greet", input: { name: "world" } });
    expect(await lab.final(job)).toMatchObject({ state: "succeeded", result: { length: 5 } });
    expect(await lab.output(job)).toBe("hello world\n");
  });

  it("is announced", async () => {
    expect((await worker.beat())?.handlers).toContain("greet");
  });

  it("fails on input that does not fit, and is not tried again", async () => {
    const input = { count: "three" };
    const job = await lab.give(worker, { handler: "counts", input, retry: { attempts: 5 } });
    expect(await lab.final(job)).toMatchObject({
      state: "failed",
      reason: "input.count: must be a number",
      attempts: [{ outcome: "invalid_input" }],
    });
  });

  it("is retried as the handler says when the job says nothing", async () => {
    const job = await lab.give(worker, { handler: "throws" });
    const again = await lab.record(job, "is queued again", ({ attempt }) => attempt === 1);
    expect(again).toMatchObject({ state: "queued", attempts: [{ reason: "no luck today" }] });
    expect(await lab.output(job)).toContain("no luck today");
  });

  it("is retried as the job says otherwise", async () => {
    const job = await lab.give(worker, { handler: "throws", retry: { attempts: 1 } });
    expect(await lab.final(job)).toMatchObject({
      state: "failed",
      attempts: [{ outcome: "threw" }],
    });
  });

  it("times out as the handler says", async () => {
    const job = await lab.give(worker, { handler: "obeys" });
    expect(await lab.final(job)).toMatchObject({ attempts: [{ outcome: "timed_out" }] });
  });

  it("is cancelled", async () => {
    const job = await lab.give(worker, { handler: "obeys", timeout: "1h" });
    await lab.record(job, "runs", ({ state }) => state === "running");
    await worker.ask({ type: "stop", job, attempt: 1, why: "cancelled" });
    expect(await lab.final(job)).toMatchObject({ state: "cancelled" });
  });

  it("ends although the handler ignores its signal, which keeps its slot until it returns", async () => {
    const job = await lab.give(worker, { handler: "deaf", timeout: "50ms", grace: "50ms" });
    expect(await lab.final(job)).toMatchObject({ attempts: [{ outcome: "timed_out" }] });
    await worker.ask({ type: "cordon", cordoned: true });
    const stuck = await until(async () => {
      const beat = await worker.beat();
      return beat?.cordoned ? beat : undefined;
    }, "a heartbeat that says cordoned");
    expect(stuck.slots).toEqual({ total: 3, free: 3 });
    await until(async () => {
      await worker.ask({ type: "cordon", cordoned: false });
      return (await worker.beat())?.slots.total === 4;
    }, "the slot to come back");
  });

  it("fails clearly when its result cannot be kept", async () => {
    const huge = await lab.give(worker, { handler: "huge" });
    expect((await lab.final(huge)).reason).toMatch(/5000002 bytes of JSON/);
    const odd = await lab.give(worker, { handler: "odd" });
    expect((await lab.final(odd)).reason).toMatch(/cannot be written as JSON/);
  });

  it("shows how far it is in the heartbeat", async () => {
    const job = await lab.give(worker, { handler: "moves" });
    const held = await until(
      async () => (await worker.beat())?.held.find((found) => found.progress),
      "progress in a heartbeat",
    );
    expect(held).toMatchObject({ job, attempt: 1, progress: { value: 0.5, note: "half" } });
    await worker.ask({ type: "stop", job, attempt: 1, why: "cancelled" });
    await lab.final(job);
  });
});
