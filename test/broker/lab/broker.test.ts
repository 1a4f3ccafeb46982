import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { startBroker } from "../../lab/broker.ts";
import { startCluster } from "../../lab/cluster.ts";
import { until } from "../../lab/until.ts";

const stream = { name: "LAB", subjects: ["lab.>"] };
const patient = { maxReconnectAttempts: -1, reconnectTimeWait: 50, waitOnFirstConnect: true };

describe("startBroker", () => {
  it("comes back from a kill on the same port with the same store", async () => {
    await using broker = await startBroker();
    const connection = await connect({ servers: broker.url, ...patient });
    const admin = await jetstreamManager(connection, { timeout: 1_000 });
    await admin.streams.add(stream);
    await jetstream(connection).publish("lab.a", "before");

    await broker.kill();
    await expect(connect({ servers: broker.url, reconnect: false, timeout: 500 })).rejects.toThrow(
      /refused|timeout/i,
    );
    await broker.restart();
    const message = await until(
      () => admin.streams.getMessage("LAB", { last_by_subj: "lab.a" }),
      "the message",
    );
    expect(message.string()).toBe("before");
    await connection.close();
  });

  it("freezes and goes on", async () => {
    await using broker = await startBroker();
    const connection = await connect({ servers: broker.url, ...patient });
    await broker.pause();
    const silent = connection.request("$JS.API.INFO", undefined, { timeout: 300 });
    await expect(silent).rejects.toThrow(/timeout/i);
    await broker.resume();
    await until(() => connection.request("$JS.API.INFO", undefined, { timeout: 500 }), "an answer");
    await connection.close();
  });

  it("takes nats-server's own settings", async () => {
    await using broker = await startBroker({ max_payload: 4096 });
    const connection = await connect({ servers: broker.url });
    expect(connection.info?.max_payload).toBe(4096);
    await connection.close();
  });
});

describe("startCluster", () => {
  it("replicates, and goes on without one of its servers", async () => {
    await using cluster = await startCluster(3);
    const connection = await connect({ servers: cluster.url.split(","), ...patient });
    const admin = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
    await admin.streams.add({ ...stream, num_replicas: 3 });

    await cluster.servers[0]!.kill();
    const ack = await until(
      () => jetstream(connection, { timeout: 1_000 }).publish("lab.a", "two left"),
      "a publish",
      20_000,
    );
    expect(ack.stream).toBe("LAB");
    await cluster.servers[0]!.restart();
    await cluster.ready();
    const caughtUp = async () => {
      const { cluster: state } = await admin.streams.info("LAB");
      return state?.replicas?.length === 2 && state.replicas.every((replica) => replica.current);
    };
    expect(await until(caughtUp, "two replicas beside the leader")).toBe(true);
    await connection.close();
  });
});
