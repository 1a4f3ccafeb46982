// Where commands find a server: the one they were told, else one that `dev` announced, else the usual address.
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { CliConfig } from "./config.ts";

const DEFAULT_NATS_URL = "nats://127.0.0.1:4222";

/** What a running `dev` tells about itself. */
export type Announcement = { pid: number; startedAt: number; url: string; natsUrl: string };

const folderIn = (stateDir: string): string => join(stateDir, "servers");

/** Writes the announcement; disposing removes it. A killed program leaves it behind, with a pid that is gone. */
export async function announce(
  stateDir: string,
  { url, natsUrl }: Pick<Announcement, "url" | "natsUrl">,
): Promise<AsyncDisposable> {
  const folder = folderIn(stateDir);
  const file = join(folder, `${new URL(url).port}.json`);
  const draft = `${file}.${process.pid}`;
  const announcement: Announcement = { pid: process.pid, startedAt: Date.now(), url, natsUrl };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(draft, JSON.stringify(announcement));
  await rename(draft, file);
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/** The installations of this user that run on this machine, the oldest first. */
export function announced(stateDir: string): Announcement[] {
  return filesIn(folderIn(stateDir))
    .flatMap((file) => readAlive(file) ?? [])
    .toSorted((one, other) => one.startedAt - other.startedAt);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(folder, name));
  } catch {
    return []; // nobody has announced anything yet
  }
}

function readAlive(file: string): Announcement | undefined {
  try {
    const found = JSON.parse(readFileSync(file, "utf8")) as Announcement;
    process.kill(found.pid, 0);
    return found;
  } catch {
    return undefined; // just removed, or its writer is gone
  }
}

export function serverUrl(told: string | undefined, config: CliConfig): string {
  const { url, port, stateDir } = config;
  return told ?? url ?? announced(stateDir)[0]?.url ?? `http://127.0.0.1:${port}`;
}

export function brokerUrl(told: string | undefined, { natsUrl, stateDir }: CliConfig): string {
  return told ?? natsUrl ?? announced(stateDir)[0]?.natsUrl ?? DEFAULT_NATS_URL;
}
