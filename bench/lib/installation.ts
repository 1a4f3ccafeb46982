// The installation under measurement: broker, schedulers and workers as separate processes of the built program.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { findBrokerBinary } from "../../src/shared/io/broker-binary.ts";
import { startBrokerProcess, type BrokerProcess } from "../../src/shared/io/broker-process.ts";
import { awaitJetStream } from "../../src/shared/io/broker-ready.ts";
import { brokerSettings } from "../../src/shared/io/embedded-broker.ts";
import { microseconds } from "./figures.ts";
import { pathIn, startNode, tempDir, type Program } from "./program.ts";
import { cpuMsOfTrees } from "./usage.ts";

export type Role = "broker" | "scheduler" | "worker" | "client";

/** CPU milliseconds by who used them; the client is this program and what else it started. */
export type CpuMs = Record<Role, number>;

export type Scheduler = Program & { readonly url: string };

export type Installation = AsyncDisposable & {
  /** Of the first scheduler. */
  readonly url: string;
  readonly nats: string;
  readonly brokerPid: number;
  readonly schedulers: readonly Scheduler[];
  /** Empty directory that goes with the installation. */
  readonly dir: string;
  addScheduler(nodeArgs?: readonly string[]): Promise<Scheduler>;
  /** Starts a worker with that many slots; resolves when it may be given work. */
  addWorker(slots: number): Promise<Program>;
  /** Counts the program's CPU as a worker's. */
  adopt(host: Program): void;
  cpuMs(): Promise<CpuMs>;
  /** What the broker's monitoring endpoint says. */
  varz(): Promise<Varz>;
};

export type Varz = { in_msgs: number; out_msgs: number; in_bytes: number; out_bytes: number };

const CLI = pathIn("../dist/cli/main.js");
const HANDLERS = pathIn("handlers");
const WAIT_MS = 120_000;

type RunningBroker = Pick<BrokerProcess, "url" | "pid" | "stop"> & {
  /** Where its monitoring answers. */
  monitor?: string | undefined;
};

/** What an installation is started with where not everybody may do everything. */
export type Guard = {
  broker: RunningBroker;
  schedulerArgs: readonly string[];
  /** What the next worker shows the broker. */
  workerArgs(url: string): Promise<readonly string[]>;
  /** Asks a scheduler. */
  ask: typeof getJson;
};

async function startOpenBroker(dir: string): Promise<RunningBroker> {
  const broker = await startBrokerProcess({
    binary: await findBrokerBinary(),
    dir,
    settings: { ...brokerSettings(dir, -1), http_port: -1 },
  });
  await awaitJetStream(broker.url);
  const ports = await readFile(join(dir, "run", `nats-server_${broker.pid}.ports`), "utf8");
  const { monitoring } = JSON.parse(ports) as { monitoring: string[] };
  return { ...broker, monitor: monitoring[0] };
}

/** Starts a broker with an empty store, unless the guard has one, and one scheduler; resolves when it leads. */
export async function startInstallation(
  schedulerArgs: readonly string[] = [],
  guard?: Guard,
): Promise<Installation> {
  const home = await tempDir();
  const broker = guard?.broker ?? (await startOpenBroker(home.path));
  const ask = guard?.ask ?? getJson;
  const schedulers: Scheduler[] = [];
  const workers: Program[] = [];

  async function addScheduler(nodeArgs: readonly string[] = []): Promise<Scheduler> {
    const program = await startNode([
      ...nodeArgs,
      CLI,
      "scheduler",
      "--with-parent",
      "--json",
      "--log-level=warn",
      "--port=0",
      `--nats=${broker.url}`,
      ...(guard?.schedulerArgs ?? []),
    ]);
    const scheduler = { ...program, url: String(program.ready["url"]) };
    schedulers.push(scheduler);
    await until(
      async () =>
        (await ask(scheduler.url, "/readyz"))["status"] === undefined &&
        (await ask(scheduler.url, "/v1/stats"))["leader"] !== undefined,
    );
    return scheduler;
  }

  async function addWorker(slots: number): Promise<Program> {
    const worker = await startNode([
      CLI,
      "worker",
      "--with-parent",
      "--json",
      "--log-level=warn",
      `--nats=${broker.url}`,
      `--slots=${slots}`,
      `--handlers=${HANDLERS}`,
      `--work-root=${join(home.path, "work")}`,
      `--spool-root=${join(home.path, "spool")}`,
      ...((await guard?.workerArgs(schedulers[0]!.url)) ?? []),
    ]);
    workers.push(worker);
    const path = `/v1/workers/${String(worker.ready["worker"])}`;
    await until(async () => (await ask(schedulers[0]!.url, path))["status"] === "ready");
    return worker;
  }

  async function stop(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.end()));
    await Promise.all(schedulers.map((scheduler) => scheduler.end()));
    await broker.stop();
    await home[Symbol.asyncDispose]();
  }

  try {
    await addScheduler(schedulerArgs);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get url() {
      return schedulers[0]!.url;
    },
    nats: broker.url,
    brokerPid: broker.pid,
    schedulers,
    dir: home.path,
    addScheduler,
    addWorker,
    adopt: (host) => void workers.push(host),
    async cpuMs() {
      const parts = [[broker], schedulers, workers].map((list) => list.map(({ pid }) => pid));
      const [all = 0, ...each] = await cpuMsOfTrees([process.pid, ...parts.flat()]);
      const sumOf = (from: number, count: number) =>
        each.slice(from, from + count).reduce((sum, ms) => sum + ms, 0);
      return {
        broker: sumOf(0, 1),
        scheduler: sumOf(1, schedulers.length),
        worker: sumOf(1 + schedulers.length, workers.length),
        client: all,
      };
    },
    varz: async () => (await getJson(broker.monitor ?? "", "/varz")) as Varz,
    [Symbol.asyncDispose]: stop,
  };
}

export async function getJson(base: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, base));
  return (await response.json()) as Record<string, unknown>;
}

/** Asks until the answer is yes; for starting things, never while something is measured. */
export async function until(fact: () => Promise<boolean>): Promise<void> {
  const giveUpAt = microseconds() + WAIT_MS * 1_000;
  while (!(await fact().catch(() => false))) {
    if (microseconds() > giveUpAt)
      throw new Error(`waited ${WAIT_MS} ms in vain for ${String(fact)}`);
    await delay(20);
  }
}
