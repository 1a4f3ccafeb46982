// Brings deploy/compose.yaml up for real, with images that need no registry of images.
import { execFile } from "node:child_process";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { findBrokerBinary } from "../../../src/shared/io/broker-binary.ts";
import { freePorts } from "../../lab/ports.ts";
import { tempDir } from "../../lab/temp-dir.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FILE = join(ROOT, "deploy", "compose.yaml");
const BASE_IMAGE = `millrace-test/node:${process.versions.node}`;
const NATS_IMAGE = "millrace-test/nats:local";
const MILLRACE_IMAGE = "millrace-test/millrace:local";

export type Compose = AsyncDisposable & {
  /** Where the two schedulers answer. */
  readonly urls: readonly [string, string];
  /** `docker compose` with this project; resolves to what it prints. */
  run(...args: string[]): Promise<string>;
  /** Runs the `millrace` command in the first scheduler's container; a code other than 0 is no error. */
  millrace(...args: string[]): Promise<{ code: number; stdout: string }>;
  /** Asks the second scheduler. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
};

/** Why the files cannot be tried here, if they cannot. */
export async function missingEngine(): Promise<string | undefined> {
  try {
    await sh("docker", ["info"]);
  } catch {
    return "no container engine answers (start dockerd, as .ci/run does)";
  }
  return (await composeCommand()) === undefined ? "there is no docker compose" : undefined;
}

/** The plugin, or the program that Debian has. */
async function composeCommand(): Promise<readonly string[] | undefined> {
  for (const command of [["docker", "compose"], ["docker-compose"]]) {
    const [program, ...args] = command as [string, ...string[]];
    try {
      await sh(program, [...args, "version"]);
      return command;
    } catch {
      // the other one, perhaps
    }
  }
  return undefined;
}

/** Builds the images and starts everything with one worker; resolves when the containers run. */
export async function startCompose(): Promise<Compose> {
  const [program, ...prefix] = (await composeCommand()) as [string, ...string[]];
  const [first, second] = (await freePorts(2)) as [number, number];
  const project = `millrace-test-${process.pid}`;
  const env = {
    NODE_IMAGE: BASE_IMAGE,
    NATS_IMAGE,
    MILLRACE_IMAGE,
    MILLRACE_PORT: String(first),
    MILLRACE_PORT_2: String(second),
  };
  const run = (...args: string[]) =>
    sh(program, [...prefix, "--project-name", project, "--file", FILE, ...args], env);
  await buildBaseImage();
  await buildNatsImage();
  const compose: Compose = {
    urls: [`http://127.0.0.1:${first}`, `http://127.0.0.1:${second}`],
    run,
    async millrace(...args) {
      try {
        const main = ["node", "/app/dist/cli/main.js"];
        return { code: 0, stdout: await run("exec", "-T", "scheduler-1", ...main, ...args) };
      } catch (error) {
        const { code, stdout } = error as { code: number; stdout: string };
        return { code, stdout };
      }
    },
    call: (method, path, body) => ask(`http://127.0.0.1:${second}${path}`, method, body),
    async [Symbol.asyncDispose]() {
      await run("down", "--volumes", "--remove-orphans", "--timeout", "5");
    },
  };
  try {
    await run("up", "--detach", "--build");
    return compose;
  } catch (error) {
    await compose[Symbol.asyncDispose]();
    throw error;
  }
}

/** What goes to a container that is just being started again is never answered, hence the timeout. */
async function ask<T>(url: string, method: string, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(5_000),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  const isJson = response.headers.get("content-type")?.includes("json");
  return (isJson ? JSON.parse(text) : text) as T;
}

/** Once per version: a new one would make everything above it be built anew. */
async function buildBaseImage(): Promise<void> {
  const known = await sh("docker", ["image", "ls", "--quiet", BASE_IMAGE]);
  if (known === "")
    await sh(fileURLToPath(new URL("base-image.sh", import.meta.url)), [BASE_IMAGE]);
}

/** As the official image is: nothing but the server. */
async function buildNatsImage(): Promise<void> {
  await using context = await tempDir();
  await copyFile(await findBrokerBinary(), join(context.path, "nats-server"));
  const lines = ["FROM scratch", "COPY nats-server /nats-server", 'ENTRYPOINT ["/nats-server"]'];
  await writeFile(join(context.path, "Dockerfile"), lines.join("\n"));
  await sh("docker", ["build", "--quiet", "--tag", NATS_IMAGE, context.path]);
}

async function sh(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout;
}
