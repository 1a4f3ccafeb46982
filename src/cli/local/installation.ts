// A whole Millrace on this machine: broker, scheduler and workers, each a process of its own that does not outlive us.
import { join } from "node:path";
import type { Writable } from "node:stream";

import { MillraceError } from "../../shared/errors.ts";
import type { EmbeddedBroker } from "../../shared/io/embedded-broker.ts";
import { announce } from "../server-address.ts";
import { type DataDir, startBrokerOn } from "./data-dir.ts";
import { keepRunning, type Role, type RoleOptions } from "./role.ts";

export type InstallationOptions = {
  dataDir: DataDir;
  /** Of the API; 0 for any free one. */
  port: number;
  host: string;
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
  const log = options.log(dataDir);
  const parts: { scheduler?: Role; workers: Role[]; announcement?: AsyncDisposable } = {
    workers: [],
  };

  async function stop(): Promise<void> {
    await parts.announcement?.[Symbol.asyncDispose]();
    await Promise.all(parts.workers.map((worker) => worker.stop()));
    await parts.scheduler?.stop();
    await broker.stop();
  }

  try {
    parts.scheduler = await keepRunning(schedulerRole({ ...options, log }, natsUrl));
    const url = String(parts.scheduler.ready["url"]);
    for (let number = 1; number <= options.workers; number += 1) {
      options.signal.throwIfAborted();
      parts.workers.push(await keepRunning(workerRole({ ...options, log }, broker, number)));
    }
    parts.announcement = await announce(dataDir, { url, natsUrl });
    return { url, natsUrl, dataDir, broken: brokenWith(broker), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type PartOptions = Omit<InstallationOptions, "log"> & { log: Writable };

function schedulerRole(options: PartOptions, natsUrl: string): RoleOptions {
  const { host, port, logLevel, log, note } = options;
  const argsOn = (exactPort: string) => [
    "scheduler",
    "--json",
    "--with-parent",
    `--nats=${natsUrl}`,
    `--host=${host}`,
    `--port=${exactPort}`,
    `--log-level=${logLevel}`,
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
  { workerArgs, logLevel, log, note }: PartOptions,
  { url, dataDir }: EmbeddedBroker,
  number: number,
): RoleOptions {
  const home = join(dataDir, `worker-${number}`);
  const args = [
    "worker",
    "--json",
    "--with-parent",
    `--nats=${url}`,
    `--work-root=${join(home, "work")}`,
    `--spool-root=${join(home, "spool")}`,
    `--log-level=${logLevel}`,
    ...workerArgs,
  ];
  return { name: `worker ${number}`, args, log, note };
}

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
