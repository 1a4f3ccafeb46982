// Many workers in one program, each as the product assembles it and on a connection of its own; their jobs are handlers.
// Arguments: broker's address, how many, slots of each. All leave on SIGTERM.
import { setMaxListeners } from "node:events";

import type * as brokerModule from "../../src/shared/io/broker.ts";
import { silentLog } from "../../src/shared/io/log.ts";
import type * as assemblyModule from "../../src/worker/assembly.ts";
import { NO_GROUPS } from "../../src/worker/policy/control-groups.ts";
import { OPEN_POLICY } from "../../src/worker/policy/policy.ts";
import type * as workerModule from "../../src/worker/worker.ts";
import { NO_LAUNCHER } from "../../test/lab/no-launcher.ts";
import { built } from "../lib/built.ts";
import { microseconds } from "../lib/figures.ts";
import { inParallel } from "../lib/pace.ts";

const { connectBroker } = await built<typeof brokerModule>("shared/io/broker");
const { assembleWorker } = await built<typeof assemblyModule>("worker/assembly");
const { serve } = await built<typeof workerModule>("worker/worker");

const [, , natsUrl = "", count = "1", slots = "1"] = process.argv;
/** At once; more of them would time each other out. */
const CONNECTING = 5;
const TRIES = 5;
const stop = new AbortController();
setMaxListeners(0, stop.signal);
process.once("SIGTERM", () => stop.abort());

const idOf = (index: number): string => `host${process.pid}-${String(index).padStart(8, "0")}`;

/** A broker that a thousand come to at once may keep some waiting for too long. */
async function connect(identity: string): Promise<brokerModule.Broker> {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await connectBroker({ url: natsUrl, identity });
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

async function run(id: string, connection: brokerModule.Broker): Promise<void> {
  await using broker = connection;
  const worker = assembleWorker({
    config: {
      natsUrl,
      prefix: "mr",
      name: id,
      slots: Number(slots),
      labels: {},
      workRoot: "",
      spoolRoot: "",
      bundleCacheBytes: 0,
      drainTimeoutMs: 0,
      logLevel: "silent",
      baseEnv: {},
    },
    workerId: id,
    broker,
    home: {
      workDir: "",
      bundleDir: "",
      leftBundles: [],
      spoolDir: "",
      predecessors: [],
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    launchers: NO_LAUNCHER,
    handlers: new Map([["noop", { name: "noop", run: microseconds }]]),
    policy: OPEN_POLICY,
    groups: NO_GROUPS,
    log: silentLog,
  });
  await serve(worker, {
    launchers: NO_LAUNCHER,
    stop: { drain: stop.signal, now: stop.signal },
    drainTimeoutMs: 0,
    log: silentLog,
  });
}

console.log("{}");
const runs: Promise<void>[] = [];
await inParallel(Number(count), CONNECTING, async (index) => {
  const id = idOf(index);
  runs.push(run(id, await connect(id)));
});
await Promise.all(runs);
