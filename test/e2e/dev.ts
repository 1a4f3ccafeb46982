// A `millrace dev` of a test's own.
import { fileURLToPath } from "node:url";

import { demand, type WorkerView } from "../lab/api.ts";
import { spawnNode } from "../lab/spawn.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";

export const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export type Dev = AsyncDisposable & {
  readonly url: string;
  /** Value of MILLRACE_DATA_DIR for commands that shall find it. */
  readonly stateDir: string;
};

/** Starts it on a free port and resolves when its worker is there; disposing lets it leave in good order. */
export async function startDev(...args: string[]): Promise<Dev> {
  const dir = await tempDir();
  const options = ["--port", "0", "--drain-timeout", "0s", ...args];
  const dev = await spawnNode(MILLRACE, ["dev", ...options], { MILLRACE_DATA_DIR: dir.path });
  const dispose = async () => {
    await dev.kill("SIGTERM");
    await dir[Symbol.asyncDispose]();
  };
  try {
    const [, url] = await dev.printed(/API +(\S+)/, 60_000);
    const workers = () => demand<{ workers: WorkerView[] }>(`${url}/v1/workers`, "GET");
    await until(async () => (await workers()).workers.length > 0, "the worker", 60_000);
    return { url: url!, stateDir: dir.path, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
