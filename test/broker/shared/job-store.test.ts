// Records change by compare-and-set only, and an answer that never came is resolved by reading back.
import { customAlphabet } from "nanoid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createJobStore, type JobStore } from "../../../src/shared/io/job-store.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import type { JobEvent, JobRecord } from "../../../src/shared/job.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import { decodeCancel } from "../../../src/shared/messages.ts";
import { ID_ALPHABET, JOB_ID_LENGTH } from "../../../src/shared/names.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

const newId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);
const job = (): JobRecord => newJob(newId(), { command: ["true"], retention: "1s" }, Date.now());
const cancel: JobEvent = { type: "cancelled", at: 1, actor: "test", reason: "asked" };

const intent = (reason: string) => ({ v: 1 as const, at: 1, actor: "test", reason });

/** A change that only adds a line to the timeline. */
const note = (n: number) => (current: JobRecord) => ({
  ...current,
  timeline: [...current.timeline, { at: n, what: "started" as const, state: current.state }],
});

let server: TestBroker;
let broker: Broker;
let store: JobStore;

beforeAll(async () => {
  server = await startBroker();
  broker = await connectBroker({ url: server.url, identity: "store-test" });
  await ensureTopology(broker);
  store = createJobStore(broker);
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe("a job store", () => {
  it("creates a job once", async () => {
    const record = job();
    const seq = await store.create(record);
    expect(await store.read(record.id)).toEqual({ record, seq });
    await expect(store.create(record)).rejects.toMatchObject({ code: "lost_race" });
    expect(await store.read(newId())).toBeUndefined();
  });

  it("lets exactly one of many writers with the same expectation win", async () => {
    const record = job();
    const seq = await store.create(record);
    const writes = Array.from({ length: 50 }, (_, n) =>
      store.write(apply(record, { ...cancel, reason: `writer ${n}` }), seq),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("applies every one of many concurrent updates", async () => {
    const record = job();
    await store.create(record);
    await Promise.all(Array.from({ length: 10 }, (_, n) => store.update(record.id, note(n))));
    expect((await store.read(record.id))?.record.timeline).toHaveLength(11);
  });

  it("keeps the wish to end until the job is over, and never clears one that came after", async () => {
    const record = job();
    const reasonOf = async () =>
      decodeCancel(textOf((await store.cancelIntent(record.id))!))?.reason;
    const seq = await store.create(record);
    await store.requestCancel(record.id, intent("in time"));
    await store.clearCancel(record.id);
    await store.requestCancel(record.id, intent("once more"));
    expect(await reasonOf()).toBe("in time");

    await store.write({ ...apply(record, cancel), spec: { command: ["true"] } }, seq);
    const newer = JSON.stringify(intent("after a retry"));
    const overtaken = createJobStore({
      ...broker,
      async publish(...args) {
        await broker.publish(broker.subjects.jobs.cancel(record.id), newer);
        return broker.publish(...args);
      },
    });
    await overtaken.clearCancel(record.id);
    expect(await reasonOf()).toBe("after a retry");
    await store.clearCancel(record.id);
    expect(await reasonOf()).toBeUndefined();
    await store.requestCancel(record.id, intent("anew"));
    expect(await reasonOf()).toBe("anew");
  });

  it("says so when there is nothing to update", async () => {
    await expect(store.update(newId(), (record) => record)).rejects.toMatchObject({
      code: "job_not_found",
    });
  });

  it("lets a final record expire after its retention, and its id be used again", async () => {
    const record = job();
    const seq = await store.create(record);
    await store.write(apply(record, cancel), seq);
    await until(async () => (await store.read(record.id)) === undefined, "the record expires");
    await store.create(record);
    expect((await store.read(record.id))?.record.state).toBe("queued");
  });

  it("stores a write once although the broker was frozen when it was sent", async () => {
    const record = job();
    const seq = await store.create(record);
    await server.pause();
    const writing = store.write(apply(record, cancel), seq, { withinMs: Infinity });
    await until(() => !broker.isUp(), "the frozen broker is noticed", 20_000);
    await server.resume();
    const written = await writing;
    expect(await store.read(record.id)).toMatchObject({
      seq: written,
      record: { state: "cancelled" },
    });
  });

  it("refuses at once, and stores nothing, while the broker is away", async () => {
    const record = job();
    await server.kill();
    await until(() => !broker.isUp(), "the loss is noticed");
    await expect(store.create(record, { withinMs: 0 })).rejects.toMatchObject({
      code: "broker_unavailable",
    });
    await server.restart();
    await until(() => broker.isUp(), "the connection is back");
    expect(await store.read(record.id)).toBeUndefined();
  });
});
