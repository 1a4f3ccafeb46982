// Real nats-servers with routes between them, for tests of three replicas.
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "nats";
import type { TestBroker } from "./broker.ts";
import { freePorts } from "./ports.ts";
import { spawnServer } from "./spawned-broker.ts";
import { until } from "./until.ts";

export type TestCluster = AsyncDisposable & {
  /** All addresses, comma-separated. */
  readonly url: string;
  /** Each can be killed, restarted, paused and resumed alone; a restarted one may still be catching up. */
  readonly servers: readonly TestBroker[];
  /** Resolves when a stream with a replica on every server can be made. */
  ready(): Promise<void>;
};

/** Starts `size` servers and resolves when they replicate. */
export async function startCluster(size = 3): Promise<TestCluster> {
  const ports = await freePorts(size);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  const servers = await Promise.all(
    ports.map((port, i) =>
      spawnServer({
        server_name: `lab-${i}`,
        cluster: { name: "lab", listen: `127.0.0.1:${port}`, routes },
      }),
    ),
  );
  const url = servers.map((server) => server.url).join(",");
  const cluster: TestCluster = {
    url,
    servers,
    ready: () => awaitReplicas(url, size),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
  try {
    await cluster.ready();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function awaitReplicas(url: string, replicas: number): Promise<void> {
  const connection = await connect({
    servers: url.split(","),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  try {
    const admin = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
    const probe = {
      name: "LAB_READY",
      subjects: ["lab-ready"],
      num_replicas: replicas,
      storage: "memory" as const,
    };
    const makeAndRemove = async () => {
      await admin.streams.add(probe);
      return admin.streams.delete(probe.name);
    };
    await until(makeAndRemove, `a stream with ${replicas} replicas`, 30_000);
  } finally {
    await connection.close();
  }
}
