// The window sends in order, keeps what is not stored, and after a failure sends everything from there on again.
import { describe, expect, it } from "vitest";

import { decodeLogRecord } from "../../../../src/shared/chunk.ts";
import { deferred, type Deferred } from "../../../../src/shared/io/lifecycle.ts";
import { createBudget } from "../../../../src/worker/output/budget.ts";
import type { Segment } from "../../../../src/worker/output/chunker.ts";
import { createOutbox } from "../../../../src/worker/output/outbox.ts";
import { until } from "../../../lab/until.ts";

type Publish = { no: number; acked: number; answer: Deferred<void> };

function segment(bytes: number): Segment {
  const part = { kind: "bytes", channel: "stdout" } as const;
  return { part, offsets: { stdout: 0, stderr: 0 }, at: 1, bytes: new Uint8Array(bytes) };
}

function setUp(limitBytes = 10_000) {
  const published: Publish[] = [];
  const broker = { up: true };
  const budget = createBudget(limitBytes);
  let failures = 0;
  const outbox = createOutbox({
    publish(header) {
      const { no, acked } = decodeLogRecord(header)!;
      const answer = deferred<void>();
      published.push({ no, acked, answer });
      return answer.promise;
    },
    isUp: () => broker.up,
    limitBytes,
    budget,
    onStored: () => undefined,
    onFailure: () => (failures += 1),
  });
  const send = (count: number) => {
    for (let i = 0; i < count; i += 1) outbox.send(segment(100));
  };
  const numbers = (from = 0) => published.slice(from).map(({ no }) => no);
  return { outbox, published, broker, budget, send, numbers, failures: () => failures };
}

describe("outbox", () => {
  it("sends at once, and forgets what is stored only in order", async () => {
    const { outbox, published, send, numbers } = setUp();
    send(3);
    expect(numbers()).toEqual([0, 1, 2]);
    published[1]!.answer.resolve();
    published[2]!.answer.resolve();
    published[0]!.answer.resolve();
    await until(() => outbox.unstored === 0, "everything to be stored");
    send(1);
    expect(published.at(-1)).toMatchObject({ no: 3, acked: 3 });
  });

  it("sends everything again from the first that failed, stored or not, once all answers are in", async () => {
    const { outbox, published, send, numbers, failures } = setUp();
    send(4);
    published[0]!.answer.resolve();
    published[1]!.answer.reject(new Error("unknown"));
    published[3]!.answer.resolve();
    await until(() => failures() === 1, "the failure to be seen");
    expect(outbox.hasRoom()).toBe(false);
    outbox.resume();
    expect(numbers()).toEqual([0, 1, 2, 3]);
    published[2]!.answer.resolve();
    await until(() => published.length === 7, "the rest to be sent again");
    expect(published.slice(4)).toMatchObject([
      { no: 1, acked: 1 },
      { no: 2, acked: 1 },
      { no: 3, acked: 1 },
    ]);
    expect(outbox.hasRoom()).toBe(true);
  });

  it("waits while the broker is away and goes on when told", async () => {
    const { outbox, published, broker, send, numbers, failures } = setUp();
    send(2);
    broker.up = false;
    for (const { answer } of published) answer.reject(new Error("connection lost"));
    await until(() => failures() === 1, "the failure to be seen");
    outbox.resume();
    expect(published).toHaveLength(2);
    broker.up = true;
    outbox.resume();
    expect(numbers(2)).toEqual([0, 1]);
    outbox.stop();
  });

  it("has room up to its limit, and gives back what it stops to hold", () => {
    const { outbox, budget, send } = setUp(1_000);
    send(2);
    expect(outbox.hasRoom()).toBe(true);
    send(1);
    expect(outbox.hasRoom()).toBe(false);
    expect(outbox.stop()).toEqual({ records: 3, bytes: 300 });
    expect(budget.hasRoom(1_000)).toBe(true);
  });
});
