// The whole installation under test: brokers, and schedulers and workers as processes, each behind links of its own.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { TestBroker } from "../../lab/broker.ts";
import { freePorts } from "../../lab/ports.ts";
import { spawnServer } from "../../lab/spawned-broker.ts";
import { openLink, type Link } from "./link.ts";
import { superviseProgram, type Program } from "./program.ts";

export type Member = { program: Program; links: readonly Link[] };

export type Cluster = {
  readonly brokers: readonly TestBroker[];
  /** Addresses of the brokers themselves, past all links. */
  readonly natsUrl: string;
  readonly schedulers: readonly (Member & { url: string })[];
  readonly workers: readonly Member[];
  /** Ends the programs and leaves the brokers. */
  stopPrograms(): Promise<void>;
  /** Ends everything. */
  stop(): Promise<void>;
};

export type ClusterOptions = {
  brokers: 1 | 3;
  schedulers: number;
  workers: number;
  /** Holds the logs and the workers' directories. */
  dir: string;
};

export const SLOTS = 4;
const DRAIN = "3s";

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { dir } = options;
  const brokers = await startBrokers(options.brokers);
  const ports = await freePorts(options.schedulers);
  await mkdir(join(dir, "log"));

  async function start(name: string, args: readonly string[]) {
    const links = await Promise.all(brokers.map(({ url }) => openLink(url)));
    const nats = `--nats=${links.map(({ url }) => url).join(",")}`;
    const logFile = join(dir, "log", `${name}.log`);
    return { program: superviseProgram({ name, args: [...args, nats], logFile }), links };
  }

  const schedulers = await Promise.all(
    ports.map(async (port, i) => {
      const args = ["scheduler", `--port=${port}`, `--replicas=${options.brokers}`];
      const member = await start(`s${i + 1}`, args);
      return { ...member, url: `http://127.0.0.1:${port}` };
    }),
  );
  const workers = await Promise.all(
    Array.from({ length: options.workers }, (_, i) => {
      const name = `w${i + 1}`;
      const home = [
        `--work-root=${join(dir, name, "work")}`,
        `--spool-root=${join(dir, name, "spool")}`,
      ];
      const place = [
        `--name=${name}`,
        `--slots=${SLOTS}`,
        `--label=zone=${i % 2 === 0 ? "a" : "b"}`,
      ];
      return start(name, ["worker", ...place, ...home, `--drain-timeout=${DRAIN}`]);
    }),
  );
  const members = [...workers, ...schedulers];
  const stopPrograms = async () => {
    await Promise.all(workers.map(({ program }) => program.stop()));
    await Promise.all(schedulers.map(({ program }) => program.stop()));
  };
  return {
    brokers,
    natsUrl: brokers.map(({ url }) => url).join(","),
    schedulers,
    workers,
    stopPrograms,
    async stop() {
      await stopPrograms();
      await Promise.all(
        members.flatMap(({ links }) => links.map((link) => link[Symbol.asyncDispose]())),
      );
      await Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]()));
    },
  };
}

async function startBrokers(count: 1 | 3): Promise<TestBroker[]> {
  if (count === 1) return [await spawnServer({})];
  const ports = await freePorts(count);
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
  return Promise.all(
    ports.map((port, i) =>
      spawnServer({
        server_name: `chaos-${i + 1}`,
        // clients must not learn of addresses past their links
        cluster: { name: "chaos", listen: `127.0.0.1:${port}`, routes, no_advertise: true },
      }),
    ),
  );
}
