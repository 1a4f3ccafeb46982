// Where commands find a server: the one they were told, else the one that `dev` announced, else the default address.
import { readFileSync } from "node:fs";
import { rm, writeFile, rename } from "node:fs/promises";
import { join } from "node:path";

import { type CliConfig, devDir } from "./config.ts";

export const DEFAULT_PORT = 7070;
export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;
export const DEFAULT_NATS_URL = "nats://127.0.0.1:4222";

/** What a running installation of ours tells about itself in its data directory. */
export type Announcement = { pid: number; url: string; natsUrl: string };

const fileIn = (dataDir: string): string => join(dataDir, "server.json");

/** Writes the file; disposing removes it. A killed installation leaves it behind, with a pid that is gone. */
export async function announce(
  dataDir: string,
  { url, natsUrl }: Omit<Announcement, "pid">,
): Promise<AsyncDisposable> {
  const file = fileIn(dataDir);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, url, natsUrl }));
  await rename(draft, file);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/** The installation that runs on a data directory, if one does. */
export function announced(dataDir: string): Announcement | undefined {
  try {
    const found = JSON.parse(readFileSync(fileIn(dataDir), "utf8")) as Announcement;
    process.kill(found.pid, 0);
    return found;
  } catch {
    return undefined; // never written, half gone, or its writer is
  }
}

export function serverUrl(told: string | undefined, config: CliConfig): string {
  return told ?? config.url ?? announced(devDir(config.stateDir))?.url ?? DEFAULT_URL;
}

export function brokerUrl(told: string | undefined, config: CliConfig): string {
  return told ?? config.natsUrl ?? announced(devDir(config.stateDir))?.natsUrl ?? DEFAULT_NATS_URL;
}
