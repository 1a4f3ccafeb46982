// A worker's life: connect, register, take attempts, and leave when told, with nothing left behind.
import { customAlphabet } from "nanoid";

import { connectBroker, START_PATIENCE_MS } from "../shared/io/broker.ts";
import { runAll } from "../shared/io/lifecycle.ts";
import { createLog, type Log } from "../shared/io/log.ts";
import { ID_ALPHABET, WORKER_SUFFIX_LENGTH } from "../shared/names.ts";
import { onAbort } from "./on-abort.ts";
import { assembleWorker, type AssembledWorker } from "./assembly.ts";
import type { WorkerConfig } from "./config.ts";
import { loadHandlers } from "./handlers/loader.ts";
import { openHome } from "./home.ts";
import { keepLauncher } from "./launcher-keeper.ts";
import { leave } from "./leave.ts";
import { openControlGroups } from "./policy/control-groups.ts";
import { openPolicy } from "./policy/open-policy.ts";
import type { StopSignals } from "./stop-signals.ts";

export type RunWorkerOptions = {
  log?: Log;
  /** Told the worker's id before it connects. */
  onId?: (workerId: string) => void;
};

const newSuffix = customAlphabet(ID_ALPHABET, WORKER_SUFFIX_LENGTH);

/**
 * Runs a worker until it is told to leave, by signal or by the API, and all that it held is settled.
 * Throws `invalid_config` (handlers, addresses), `broker_unavailable`, or what stopped one of its services.
 */
export async function runWorker(
  config: WorkerConfig,
  stop: StopSignals,
  options: RunWorkerOptions = {},
): Promise<void> {
  const workerId = `${config.name}-${newSuffix()}`;
  options.onId?.(workerId);
  const log = (options.log ?? createLog("worker", config.logLevel)).child({ worker: workerId });
  const policy = await openPolicy(config.policy, config.workRoot);
  const handlers = await loadHandlers(config.handlersDir);
  await using broker = await connectBroker({
    url: config.natsUrl,
    identity: workerId,
    prefix: config.prefix,
    credentials: config.credentials,
    patienceMs: START_PATIENCE_MS,
    signal: stop.drain,
    confined: config.credentials?.nkey !== undefined,
    log,
  });
  const groups = await openControlGroups(log);
  await using home = await openHome(config, workerId, { groups, user: policy.user, log });
  await using launchers = await keepLauncher({ log, kind: config.launcher });
  const worker = assembleWorker({
    config,
    workerId,
    broker,
    home,
    launchers,
    handlers,
    policy,
    groups,
    log,
  });
  const { drainTimeoutMs } = config;
  await serve(worker, { launchers, stop, drainTimeoutMs, log });
  log.info({ event: "left" }, "worker left");
}

export type ServeDeps = {
  /** Disposed to end what runs without grace. */
  launchers: AsyncDisposable;
  stop: StopSignals;
  drainTimeoutMs: number;
  log: Log;
};

/** Runs the parts of a worker until it has left. Throws what stopped one of its services. */
export async function serve(worker: AssembledWorker, deps: ServeDeps): Promise<void> {
  const { attempts, duty, closed, killed, giveUp } = worker;
  const { launchers, stop, drainTimeoutMs, log } = deps;
  await using _commands = worker.commands;

  async function kill(): Promise<void> {
    killed.abort();
    await launchers[Symbol.asyncDispose]();
  }

  const left = new AbortController();
  async function leaveWhenAsked(): Promise<void> {
    const timeoutMs = await duty.leaving;
    closed.abort();
    await leave({ attempts, timeoutMs, now: stop.now, kill, giveUp, log });
    left.abort();
  }

  using _asked = onAbort(stop.drain, () => duty.drain(drainTimeoutMs));
  using _hurried = onAbort(stop.now, () => duty.drain(0));
  const services = runAll(worker.services, left.signal);
  try {
    await Promise.race([services, leaveWhenAsked()]);
    await services;
  } finally {
    closed.abort();
    giveUp.abort();
  }
}
