// The brokers' configuration in deploy/, given to a real nats-server.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

import { askBroker } from "../../../src/cli/doctor/ask-broker.ts";
import { durability } from "../../../src/cli/doctor/durability.ts";
import { findBrokerBinary } from "../../../src/shared/io/broker-binary.ts";
import { awaitJetStream } from "../../../src/shared/io/broker-ready.ts";
import { freePorts } from "../../lab/ports.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { openDesk } from "../scheduler/crew.ts";

const binary = await findBrokerBinary();
const file = (name: string) =>
  fileURLToPath(new URL(`../../../deploy/nats/${name}`, import.meta.url));

it.each(["single.conf", "single-strict.conf", "cluster.conf", "cluster-strict.conf"])(
  "%s is understood",
  async (name) => {
    await expect(
      promisify(execFile)(binary, ["-t", "--config", file(name)]),
    ).resolves.toBeDefined();
  },
);

it.each([
  ["single.conf", /power loss may take the last 2m/],
  ["single-strict.conf", /they survive power loss/],
])("%s is worth what it says", async (name, worth) => {
  await using store = await tempDir();
  const [port, monitor] = (await freePorts(2)) as [number, number];
  const listening = `--addr=127.0.0.1 --port=${port} --http_port=${monitor}`;
  await using _server = start(
    `--config=${file(name)}`,
    `--store_dir=${store.path}`,
    ...listening.split(" "),
  );
  const url = `nats://127.0.0.1:${port}`;
  await until(() => awaitJetStream(url), `JetStream at ${url}`);
  await using _desk = await openDesk(url);
  const told = await askBroker({
    url,
    prefix: undefined,
    monitors: [`http://127.0.0.1:${monitor}`],
  });
  const { streams, maxPayload } = told.broker as Exclude<typeof told.broker, Error>;
  expect(maxPayload).toBe(8 * 2 ** 20);
  expect(durability(streams, told.monitors).text).toMatch(worth);
});

function start(...args: string[]): AsyncDisposable {
  const server = spawn(binary, args, { stdio: "ignore" });
  const exited = once(server, "exit");
  return {
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await exited;
    },
  };
}
