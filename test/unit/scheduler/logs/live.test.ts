// Followers of one attempt share one subscription and the newest items; who is behind is sent to the stream.
import { describe, expect, it } from "vitest";

import { createLiveHub } from "../../../../src/scheduler/logs/live.ts";
import { CHUNK_HEADER, encodeLogRecord } from "../../../../src/shared/chunk.ts";
import type { Broker } from "../../../../src/shared/io/broker.ts";
import type { Stored } from "../../../../src/shared/io/wire.ts";
import { createSubjects } from "../../../../src/shared/subjects.ts";

const JOB = "job00000000000000000";

function setUp(limits = { attemptBytes: 1_000, totalBytes: 10_000 }) {
  const subscriptions = new Map<string, (message: Stored) => void>();
  const reconnects = new Set<() => void>();
  let listened = 0;
  const broker: Pick<Broker, "subjects" | "listen" | "onUp"> = {
    subjects: createSubjects(),
    listen(subject, listener) {
      listened += 1;
      subscriptions.set(subject, listener);
      return { [Symbol.dispose]: () => void subscriptions.delete(subject) };
    },
    onUp(listener) {
      reconnects.add(listener);
      return { [Symbol.dispose]: () => void reconnects.delete(listener) };
    },
  };
  const hub = createLiveHub(broker, limits);
  return {
    hub,
    subscriptions,
    listened: () => listened,
    reconnect: () => reconnects.forEach((listener) => listener()),
    push(seq: number, previous: number, bytes = 10) {
      const part = { kind: "bytes", channel: "stdout" } as const;
      const offsets = { stdout: 0, stderr: 0 };
      const header = encodeLogRecord({ no: seq, acked: 0, at: 1, offsets, part });
      subscriptions.get(broker.subjects.logs.liveOf(JOB, 1))?.({
        subject: broker.subjects.logs.of(JOB, 1),
        seq,
        previous,
        data: new Uint8Array(bytes),
        header: (name) => (name === CHUNK_HEADER ? header : undefined),
        removed: false,
      });
    },
  };
}

const ignore = () => undefined;

describe("live hub", () => {
  it("subscribes once however many follow, and not any longer than somebody does", () => {
    const { hub, subscriptions, listened, push } = setUp();
    let rings = 0;
    const followers = Array.from({ length: 2_000 }, () => hub.join(JOB, 1, () => (rings += 1)));
    push(1, 0);
    expect([listened(), rings]).toEqual([1, 2_000]);
    for (const follower of followers) follower[Symbol.dispose]();
    expect(subscriptions.size).toBe(0);
  });

  it("gives what comes after a sequence, the same objects to all", () => {
    const { hub, push } = setUp();
    using one = hub.join(JOB, 1, ignore);
    using other = hub.join(JOB, 1, ignore);
    expect(one.after(0)).toBeUndefined();
    push(5, 0);
    push(9, 5);
    expect(one.after(0)?.map(({ seq }) => seq)).toEqual([5, 9]);
    expect(one.after(5)?.map(({ seq }) => seq)).toEqual([9]);
    expect(one.after(9)).toEqual([]);
    expect(one.after(5)?.[0]).toBe(other.after(5)?.[0]);
  });

  it("sends to the stream who is behind what it keeps", () => {
    const { hub, push } = setUp({ attemptBytes: 1_000, totalBytes: 1_500 });
    using follower = hub.join(JOB, 1, ignore);
    for (let seq = 1; seq <= 4; seq += 1) push(seq, seq - 1, 400);
    expect(follower.after(1)).toBeUndefined();
    expect(follower.after(2)?.map(({ seq }) => seq)).toEqual([3, 4]);
  });

  it("sends to the stream after a missed message and after a reconnect", () => {
    const { hub, push, reconnect } = setUp();
    using follower = hub.join(JOB, 1, ignore);
    push(1, 0);
    push(4, 3);
    expect(follower.after(1)).toBeUndefined();
    expect(follower.after(3)).toHaveLength(1);
    reconnect();
    expect(follower.after(4)).toBeUndefined();
  });
});
