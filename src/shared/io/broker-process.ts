// Runs one nats-server as a child that never outlives us.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { MillraceError } from "../errors.ts";

export type BrokerProcess = AsyncDisposable & {
  readonly pid: number;
  /** Address of the client port. */
  readonly url: string;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Ends the server in good order; kills it when that takes longer than 10 s. */
  stop(): Promise<void>;
};

export type BrokerProcessOptions = {
  binary: string;
  /** Holds the server's log and, in `run`, its configuration. One running server per directory. */
  dir: string;
  /** nats-server configuration; listening is on loopback unless it says otherwise. */
  settings: Readonly<Record<string, unknown>>;
  signal?: AbortSignal | undefined;
};

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

// The shell becomes the server. What it leaves behind reads the pipe on fd 3: end of file there means that we died,
// even by SIGKILL; a line means that the server is gone and its pid may belong to somebody else.
const LIFELINE = '(read -r _ || kill -KILL $$) <&3 & exec "$@" 3<&-';

/** Starts a server and resolves when its client port is open. Throws `broker_unavailable` with the end of its log. */
export async function startBrokerProcess(options: BrokerProcessOptions): Promise<BrokerProcess> {
  const { binary, dir, settings, signal } = options;
  signal?.throwIfAborted();
  const run = join(dir, "run");
  const logFile = join(dir, "nats-server.log");
  const configFile = join(run, "nats-server.conf");
  await rm(run, { recursive: true, force: true });
  await mkdir(run, { recursive: true });
  const listening = { host: "127.0.0.1", port: -1, ports_file_dir: run };
  const logging = { log_file: logFile, logfile_size_limit: LOG_LIMIT_BYTES, logfile_max_num: 2 };
  await writeFile(configFile, JSON.stringify({ ...listening, ...logging, ...settings }, null, 2));

  const server = await spawnWithLifeline([binary, "-c", configFile], logFile);
  try {
    const url = await clientUrl(
      join(run, `nats-server_${server.pid}.ports`),
      server.exited,
      signal,
    );
    return { ...server, url };
  } catch (cause) {
    server.signal("SIGKILL");
    await server.exited;
    if (signal?.aborted) throw cause;
    throw new MillraceError(
      "broker_unavailable",
      `nats-server did not start: ${await lastLines(logFile)}`,
      { cause },
    );
  }
}

type Server = Omit<BrokerProcess, "url">;

async function spawnWithLifeline(argv: readonly string[], logFile: string): Promise<Server> {
  await using log = await open(logFile, "a");
  // its own session: Ctrl-C on the terminal is for us, and the server is needed to the end of our shutdown
  const child = spawn("/bin/sh", ["-c", LIFELINE, "nats-server", ...argv], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "pipe"],
  });
  const server = own(child); // before anything is waited for: it may end meanwhile
  await once(child, "spawn");
  return server;
}

function own(child: ChildProcess): Server {
  const lifeline = child.stdio[3] as Duplex;
  lifeline.on("error", () => {}).resume(); // its reader may be gone first
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      lifeline.end("\n");
      resolve();
    });
  });

  async function stop(): Promise<void> {
    child.kill("SIGTERM");
    const timeout = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timeout);
  }

  return {
    pid: child.pid!,
    exited,
    signal: (name) => void child.kill(name),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function clientUrl(
  portsFile: string,
  exited: Promise<void>,
  signal?: AbortSignal,
): Promise<string> {
  const gone = new AbortController();
  void exited.then(() => gone.abort(new Error("it ended at once")));
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  const ended = AbortSignal.any([gone.signal, deadline, ...(signal ? [signal] : [])]);
  for (;;) {
    const url = await readClientUrl(portsFile);
    if (url !== undefined) return url;
    ended.throwIfAborted();
    await delay(5);
  }
}

async function readClientUrl(portsFile: string): Promise<string | undefined> {
  try {
    const { nats } = JSON.parse(await readFile(portsFile, "utf8")) as { nats?: string[] };
    return nats?.[0];
  } catch {
    return undefined; // not there, or not whole yet
  }
}

async function lastLines(logFile: string): Promise<string> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  return log.trimEnd().split("\n").slice(-3).join("\n");
}
