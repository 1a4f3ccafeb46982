// What is watched for an hour: a broker, a scheduler and two workers, each a process with a store of its own.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { awaitJetStream } from "../../src/shared/io/broker-ready.ts";
import { connectBroker } from "../../src/shared/io/broker.ts";
import { ensureTopology } from "../../src/shared/io/topology.ts";
import { demand } from "../lab/api.ts";
import { freePorts } from "../lab/ports.ts";
import { spawnNode, type Spawned } from "../lab/spawn.ts";
import { spawnServer } from "../lab/spawned-broker.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";

export type Installation = AsyncDisposable & {
  readonly url: string;
  /** Where the broker tells about itself. */
  readonly monitorUrl: string;
  /** Process ids by what they are. */
  readonly pids: Readonly<Record<string, number>>;
};

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));
const READY_MS = 30_000;
const SLOTS = 16;

/** `logsKeptMs`: how long output stays, in milliseconds. */
export async function startInstallation(logsKeptMs: number): Promise<Installation> {
  const dir = await tempDir();
  const [monitorPort] = await freePorts(1);
  const broker = await spawnServer({ http: `127.0.0.1:${monitorPort}` });
  const parts: AsyncDisposable[] = [dir, broker];
  await awaitJetStream(broker.url);
  await setUp(broker.url, logsKeptMs);

  async function start(args: readonly string[]): Promise<{ child: Spawned; said: string }> {
    const all = [...args, `--nats=${broker.url}`, "--json", "--log-level=warn"];
    const child = await spawnNode(MILLRACE, all);
    parts.push(child);
    const [, said = ""] = await child.printed(/"(?:worker|url)":"([^"]+)"/, READY_MS);
    return { child, said };
  }

  const scheduler = await start(["scheduler", "--port=0"]);
  const workers = await Promise.all(
    ["w1", "w2"].map((name) =>
      start([
        "worker",
        `--name=${name}`,
        `--slots=${SLOTS}`,
        `--handlers=${HANDLERS}`,
        `--work-root=${join(dir.path, name, "work")}`,
        `--spool-root=${join(dir.path, name, "spool")}`,
      ]),
    ),
  );
  const url = scheduler.said;
  for (const { said } of workers)
    await until(() => demand(`${url}/v1/workers/${said}`, "GET"), `worker ${said}`, READY_MS);
  return {
    url,
    monitorUrl: `http://127.0.0.1:${monitorPort}`,
    pids: {
      broker: broker.pid,
      scheduler: scheduler.child.pid,
      ...Object.fromEntries(workers.map(({ child }, i) => [`worker ${i + 1}`, child.pid])),
    },
    async [Symbol.asyncDispose]() {
      for (const part of parts.toReversed()) await part[Symbol.asyncDispose]();
    },
  };
}

/** Schedulers leave limits alone that they find. */
async function setUp(url: string, logsMaxAgeMs: number): Promise<void> {
  await using broker = await connectBroker({ url, identity: "soak" });
  await ensureTopology(broker, { logsMaxAgeMs });
}
