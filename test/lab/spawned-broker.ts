// A nats-server spawned on loopback for one test file.
import { readFileSync, readdirSync } from "node:fs";
import { findBrokerBinary } from "../../src/shared/io/broker-binary.ts";
import { startBrokerProcess, type BrokerProcess } from "../../src/shared/io/broker-process.ts";
import { awaitJetStream } from "../../src/shared/io/broker-ready.ts";
import { brokerSettings } from "../../src/shared/io/embedded-broker.ts";
import type { TestBroker } from "./broker.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

type Settings = Readonly<Record<string, unknown>>;

/** One server that can be killed and started again where it was. Resolves when its port is open. */
export async function spawnServer(
  settings: Settings,
): Promise<TestBroker & { readonly pid: number }> {
  const binary = await findBrokerBinary();
  const store = await tempDir();
  const start = (port: number) =>
    startBrokerProcess({
      binary,
      dir: store.path,
      settings: { ...brokerSettings(store.path, port), ...settings },
    });
  let server: BrokerProcess = await start(-1);
  const { url } = server;

  async function kill(): Promise<void> {
    server.signal("SIGKILL");
    await server.exited;
  }
  return {
    url,
    get pid() {
      return server.pid;
    },
    kill,
    async restart() {
      await kill();
      server = await start(Number(new URL(url).port));
    },
    async pause() {
      server.signal("SIGSTOP");
      await until(() => isStopped(server.pid), "the server to stand still");
    },
    resume: async () => server.signal("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await kill();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Sending SIGSTOP is not being stopped: a thread on another core may answer once more. */
function isStopped(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((id) => /\) T/.test(readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8")));
}

export async function startSpawnedBroker(settings: Settings): Promise<TestBroker> {
  const server = await spawnServer(settings);
  await awaitJetStream(server.url);
  return {
    ...server,
    async restart() {
      await server.restart();
      await awaitJetStream(server.url);
    },
  };
}
