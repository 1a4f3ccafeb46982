// Where `run` runs: on the server that was named, on the one that is there, or on one brought along for this job.
import { availableParallelism } from "node:os";

import { hasCode } from "../shared/errors.ts";
import type { JobSpec } from "../shared/spec.ts";
import { type Api, createApi } from "../client/api.ts";
import { runDir } from "./config.ts";
import type { Context } from "./context.ts";
import type { ServerOptions } from "./options.ts";
import { announced } from "./server-address.ts";

export type PlaceOptions = ServerOptions & {
  dataDir?: string;
  handlers?: string;
  /** False for a job that nobody waits for: it needs a server that stays. */
  follow: boolean;
};

export type Place = AsyncDisposable & {
  api: Api;
  /** Aborts when a server that we brought along is gone. */
  gone?: AbortSignal;
  /** What becomes of a job that is left, for people. */
  afterwards: string;
  /** The job as it makes sense there. */
  adapt(spec: JobSpec): JobSpec;
};

/** A server that was named must answer: a job meant for it must not run elsewhere unnoticed. */
export async function findPlace(
  context: Context,
  options: PlaceOptions,
  spec: JobSpec,
): Promise<Place> {
  const { config } = context;
  const api = context.api(options);
  const named = options.url !== undefined || config.url !== undefined;
  if (named || !options.follow || (await answers(api))) {
    const here = announced(config.stateDir).some(({ url }) => url === api.url);
    return {
      api,
      afterwards: "it goes on",
      adapt: here ? inThisDirectory : (same) => same,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  return bringServer(context, options, spec);
}

async function answers(api: Api): Promise<boolean> {
  try {
    await api.call("/healthz");
    return true;
  } catch (error) {
    return !hasCode(error, "server_unreachable");
  }
}

async function bringServer(
  { config, terminal }: Context,
  { dataDir, handlers }: PlaceOptions,
  { slots = 1 }: JobSpec,
): Promise<Place> {
  terminal.status("starting a Millrace for this job");
  const [{ startInstallation }, { logFile }] = await Promise.all([
    import("./local/installation.ts"),
    import("./local/log-stream.ts"),
  ]);
  const installation = await startInstallation({
    dataDir: { path: dataDir ?? runDir(config.stateDir), fixed: dataDir !== undefined },
    port: 0,
    host: "127.0.0.1",
    prefix: config.prefix,
    workers: 1,
    workerArgs: [
      "--drain-timeout=0s",
      `--slots=${Math.max(slots, availableParallelism())}`,
      ...(handlers === undefined ? [] : [`--handlers=${handlers}`]),
    ],
    logLevel: "info",
    log: logFile,
    note: terminal.status,
    signal: new AbortController().signal,
  });
  terminal.status(undefined);
  return {
    api: createApi(installation.url),
    gone: installation.broken,
    afterwards: "it ends here",
    // whoever kills us ends the job: it must not start again behind the next run
    adapt: (spec) => ({ onWorkerLost: "fail", ...inThisDirectory(spec) }),
    [Symbol.asyncDispose]: installation.stop,
  };
}

/** On this machine a job runs where its caller stands, as any command does, unless a reservation has a place of its own. */
function inThisDirectory(spec: JobSpec): JobSpec {
  return spec.handler === undefined && spec.reservation === undefined
    ? { cwd: process.cwd(), ...spec }
    : spec;
}
