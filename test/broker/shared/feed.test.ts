// A feed delivers every stored message once and in order, whatever happens to the push and to the broker.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createFeed, type Feed } from "../../../src/shared/io/feed.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

let server: TestBroker;
let broker: Broker;

beforeAll(async () => {
  server = await startBroker();
  broker = await connectBroker({ url: server.url, identity: "feed-test" });
  await ensureTopology(broker);
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

type Followed = AsyncDisposable & {
  feed: Feed;
  running: Promise<void>;
  seqs: number[];
  subjects: string[];
};

function follow(
  reader: Broker,
  options: { after?: number; listen?: string; worker?: string; checkMs?: number } = {},
): Followed {
  const { assign } = reader.subjects;
  const seqs: number[] = [];
  const subjects: string[] = [];
  const stop = new AbortController();
  const feed = createFeed({
    broker: reader,
    stream: assign.stream,
    source: options.worker === undefined ? assign.all : assign.to(options.worker),
    listen:
      options.listen ??
      (options.worker === undefined ? assign.commands : assign.commandsOf(options.worker)),
    scope: options.worker === undefined ? "stream" : "subject",
    after: options.after ?? 0,
    checkMs: options.checkMs ?? 100,
    onMessage: ({ seq, subject }) => {
      seqs.push(seq);
      subjects.push(subject);
    },
  });
  const running = feed.run(stop.signal);
  return {
    feed,
    running,
    seqs,
    subjects,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.catch(() => undefined); // a test that breaks it looks at it itself
    },
  };
}

const append = async (count: number, worker = "w-00000001"): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, () => broker.publish(broker.subjects.assign.to(worker), "{}")),
  );
};
const lastSeq = async (): Promise<number> =>
  (await broker.streamState(broker.subjects.assign.stream)).lastSeq;
const everySeq = async (from = 1): Promise<number[]> => {
  const last = await lastSeq();
  return Array.from({ length: last - from + 1 }, (_, n) => n + from);
};

describe("a feed", () => {
  it("goes on when a broker answers from before once, and ends when the stream's end stays back", async () => {
    await append(3);
    const { stream } = broker.subjects.assign;
    let stale = 1;
    const reader: Broker = {
      ...broker,
      async streamState(name) {
        const state = await broker.streamState(name);
        const isStale = name === stream && followed.feed.lastSeq > 0 && stale > 0;
        if (isStale) stale -= 1;
        return isStale ? { ...state, lastSeq: state.lastSeq - 2 } : state;
      },
    };
    await using followed = follow(reader);
    let isOver = false;
    followed.running.catch(() => (isOver = true));
    await until(() => stale === 0, "the stale answer");
    await append(1);
    await followed.feed.caughtUp();
    expect(followed.seqs).toEqual(await everySeq());
    expect(isOver).toBe(false);

    stale = Infinity;
    await expect(followed.running).rejects.toMatchObject({ code: "broker_misconfigured" });
  });

  it("delivers what was there before and what comes after, once and in order", async () => {
    await append(25);
    await using followed = follow(broker);
    await append(25);
    await until(
      async () => followed.feed.lastSeq === (await lastSeq()),
      "the feed reaches the end",
    );
    expect(followed.seqs).toEqual(await everySeq());
  });

  it("starts after what is known", async () => {
    const after = await lastSeq();
    await append(3);
    await using followed = follow(broker, { after });
    await followed.feed.caughtUp();
    expect(followed.seqs).toEqual(await everySeq(after + 1));
  });

  it("finds what was never pushed to it by its own check", async () => {
    const after = await lastSeq();
    await using followed = follow(broker, { after, listen: "mr.nothing.here" });
    await append(5);
    await until(() => followed.seqs.length === 5, "all five are found");
    expect(followed.seqs).toEqual(await everySeq(after + 1));
  });

  it("finds it when it is told to look, however seldom it looks by itself", async () => {
    const after = await lastSeq();
    await using followed = follow(broker, { after, listen: "mr.nothing.here", checkMs: 3_600_000 });
    await followed.feed.caughtUp();
    await append(1);
    await followed.feed.check();
    expect(followed.seqs).toEqual([after + 1]);
  });

  it("of one subject sees only its own messages, with those of others between", async () => {
    await using followed = follow(broker, { worker: "x-00000002" });
    await append(2, "x-00000002");
    await append(2, "y-00000003");
    await append(2, "x-00000002");
    await until(() => followed.seqs.length === 4, "four messages");
    expect(new Set(followed.subjects)).toEqual(new Set(["mr.assign.x-00000002"]));
  });

  it("goes on without gap or repeat when the broker is killed and comes back", async () => {
    const after = await lastSeq();
    await using followed = follow(broker, { after });
    await append(10);
    await server.kill();
    await until(() => !broker.isUp(), "the loss is noticed");
    await server.restart();
    await until(() => broker.isUp(), "the connection is back");
    await append(10);
    await until(() => followed.seqs.length === 20, "all twenty are delivered");
    expect(followed.seqs).toEqual(await everySeq(after + 1));
  });
});
