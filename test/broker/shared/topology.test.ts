// Streams are made once, left alone afterwards, and refused when somebody made them otherwise.
import { jetstreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { differencesBetween, ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { freePorts } from "../../lab/ports.ts";
import { spawnServer } from "../../lab/spawned-broker.ts";

let server: TestBroker;
beforeAll(async () => {
  server = await startBroker();
});
afterAll(() => server[Symbol.asyncDispose]());

const connected = (prefix: string): Promise<Broker> =>
  connectBroker({ url: server.url, identity: "topology-test", prefix });

describe("the topology", () => {
  it("is made by several at once and accepted as it is afterwards", async () => {
    await using broker = await connected("one");
    await Promise.all([ensureTopology(broker), ensureTopology(broker), ensureTopology(broker)]);
    await ensureTopology(broker);
    const names = await (await jetstreamManager(broker.nc)).streams.names().next();
    expect(names.toSorted()).toEqual([
      "KV_one_config",
      "KV_one_leader",
      "KV_one_queues",
      "KV_one_workers",
      "ONE_ASSIGN",
      "ONE_EVENTS",
      "ONE_FILES",
      "ONE_GROUPS",
      "ONE_JOBS",
      "ONE_LOGS",
    ]);
  });

  it("keeps what an operator tuned", async () => {
    await using broker = await connected("two");
    await ensureTopology(broker);
    const manager = await jetstreamManager(broker.nc);
    await manager.streams.update("TWO_LOGS", { max_bytes: 64 * 2 ** 20 });
    await manager.streams.update("TWO_JOBS", { subject_delete_marker_ttl: 3_600 * 1e9 });
    await ensureTopology(broker);
    expect((await manager.streams.info("TWO_LOGS")).config.max_bytes).toBe(64 * 2 ** 20);
  });

  it("is refused at once where JetStream is switched off", async () => {
    await using off = await spawnServer({ jetstream: false });
    await using broker = await connectBroker({ url: off.url, identity: "topology-test" });
    const message = expect.stringMatching(/switched off/);
    await expect(ensureTopology(broker)).rejects.toMatchObject({
      code: "broker_misconfigured",
      message,
    });
  });

  it("waits for the brokers of a new cluster to agree on a leader", async () => {
    const ports = await freePorts(2);
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
    const start = (i: number) =>
      spawnServer({
        server_name: `topology-${i}`,
        cluster: { name: "topology", listen: `127.0.0.1:${ports[i]}`, routes },
      });
    await using first = await start(0);
    await using broker = await connectBroker({ url: first.url, identity: "topology-test" });
    await expect(ensureTopology(broker, { patienceMs: 0 })).rejects.toMatchObject({
      code: "broker_unavailable",
    });
    const making = ensureTopology(broker);
    await using _second = await start(1);
    await making;
  });

  it("is refused, naming stream and setting, when it was changed", async () => {
    await using broker = await connected("three");
    const manager = await jetstreamManager(broker.nc);
    await manager.streams.add({
      name: "THREE_JOBS",
      subjects: ["three.job.>"],
      max_msgs_per_subject: 5,
    });
    await expect(ensureTopology(broker)).rejects.toMatchObject({
      code: "broker_misconfigured",
      message: expect.stringMatching(/THREE_JOBS.*max_msgs_per_subject is 5, needed 1/),
    });
  });

  it("names a setting that an old server dropped without a word", () => {
    const wanted = { name: "X", allow_msg_ttl: true, republish: { src: "a", dest: "b" } };
    expect(differencesBetween(wanted, { name: "X" })).toEqual([
      "allow_msg_ttl is not set, needed true",
      'republish is not set, needed {"src":"a","dest":"b"}',
    ]);
  });

  it("keeps installations on one broker apart", async () => {
    await using first = await connected("four");
    await using second = await connected("five");
    await ensureTopology(first);
    await ensureTopology(second);
    await first.publish(first.subjects.jobs.record("x"), "{}");
    expect((await second.streamState(second.subjects.jobs.stream)).messages).toBe(0);
  });
});
