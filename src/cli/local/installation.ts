// A whole Millrace on this machine: broker, scheduler and workers, each a process of its own that does not outlive us.
import { join } from "node:path";
import type { Writable } from "node:stream";

import { MillraceError } from "../../shared/errors.ts";
import type { EmbeddedBroker } from "../../shared/io/embedded-broker.ts";
import { type DataDir, startBrokerOn } from "./data-dir.ts";
import { keepRunning, type RoleOptions } from "./role.ts";

export type InstallationOptions = {
  dataDir: DataDir;
  /** Of the API; 0 for any free one. */
  port: number;
  host: string;
  /** Namespace on the broker, when it is not the usual one. */
  prefix: string | undefined;
  workers: number;
  /** Further arguments of every worker. */
  workerArgs: readonly string[];
  logLevel: string;
  /** Makes what takes the log of all processes. The broker keeps its own in the data directory. */
  log: (dataDir: string) => Writable;
  /** Told what a person should know. */
  note: (line: string) => void;
  /** Ends the start. */
  signal: AbortSignal;
};

export type Installation = {
  readonly url: string;
  readonly natsUrl: string;
  readonly dataDir: string;
  /** Aborts when the broker is gone, without which nothing works. */
  readonly broken: AbortSignal;
  /** Drains the workers, then ends the rest; called again, nothing is waited for. Resolves when all are gone. */
  stop(): Promise<void>;
};

/** Resolves when the server answers. Jobs may be submitted from then on; the workers register within a second or so. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const broker = await startBrokerOn(options.dataDir, options.note, options.signal);
  const { url: natsUrl, dataDir } = broker;
  try {
    await prepareBroker(natsUrl, options.prefix);
  } catch (error) {
    await broker.stop();
    throw error;
  }
  const log = options.log(dataDir);
  const scheduler = keepRunning(schedulerRole({ ...options, log }, natsUrl));
  const workers = Array.from({ length: options.workers }, (_, index) =>
    keepRunning(workerRole({ ...options, log }, broker, index + 1)),
  );

  async function stop(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.stop()));
    await scheduler.stop();
    await broker.stop();
  }

  try {
    const [{ url }] = await Promise.all([scheduler.ready, ...workers.map(({ ready }) => ready)]);
    options.signal.throwIfAborted();
    return { url: String(url), natsUrl, dataDir, broken: brokenWith(broker), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes the streams, so that scheduler and workers can start side by side. */
async function prepareBroker(url: string, prefix: string | undefined): Promise<void> {
  const [{ connectBroker }, { ensureTopology }] = await Promise.all([
    import("../../shared/io/broker.ts"),
    import("../../shared/io/topology.ts"),
  ]);
  const identity = `setup-${process.pid}`;
  await using broker = await connectBroker({ url, identity, ...(prefix && { prefix }) });
  await ensureTopology(broker);
}

type PartOptions = Omit<InstallationOptions, "log"> & { log: Writable };

function schedulerRole(options: PartOptions, natsUrl: string): RoleOptions {
  const { host, port, log, note } = options;
  const argsOn = (exactPort: string) => [
    "scheduler",
    ...commonArgs(options, natsUrl),
    `--host=${host}`,
    `--port=${exactPort}`,
  ];
  return {
    name: "the scheduler",
    args: argsOn(String(port)),
    // whoever has its address shall find it there again
    argsAgain: ({ url }) => argsOn(new URL(String(url)).port),
    log,
    note,
  };
}

function workerRole(
  options: PartOptions,
  { url, dataDir }: EmbeddedBroker,
  number: number,
): RoleOptions {
  const home = join(dataDir, `worker-${number}`);
  const args = [
    "worker",
    ...commonArgs(options, url),
    `--work-root=${join(home, "work")}`,
    `--spool-root=${join(home, "spool")}`,
    ...options.workerArgs,
  ];
  return { name: `worker ${number}`, args, log: options.log, note: options.note };
}

const commonArgs = ({ logLevel, prefix }: PartOptions, natsUrl: string): string[] => [
  "--json",
  "--with-parent",
  `--nats=${natsUrl}`,
  `--log-level=${logLevel}`,
  ...(prefix === undefined ? [] : [`--prefix=${prefix}`]),
];

function brokenWith(broker: EmbeddedBroker): AbortSignal {
  const broken = new AbortController();
  const file = join(broker.dataDir, "nats-server.log");
  void broker.exited.then(() =>
    broken.abort(
      new MillraceError("broker_unavailable", `The embedded broker has ended; see ${file}.`),
    ),
  );
  return broken.signal;
}
