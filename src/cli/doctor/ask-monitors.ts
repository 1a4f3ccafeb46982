// Asks nats-servers' monitoring endpoints how they write to disk, which no client is told.
import { createApi } from "../../client/api.ts";
import type { MonitorFacts } from "./facts.ts";

const PORT = 8222;
const TIMEOUT_MS = 2_000;
const NS_PER_MS = 1_000_000;

/** The parts of /varz that matter here. */
type Status = {
  server_id?: string;
  server_name?: string;
  cluster?: { name?: string };
  jetstream?: {
    config?: { max_storage?: number; sync_interval?: number; sync_always?: boolean };
    stats?: { storage?: number };
  };
};

/** The broker whose endpoints these should be. */
export type Sought = { serverId: string; cluster?: string };

/** What the endpoints tell; those that do not answer, or that belong to another broker, are left out. */
export async function askMonitors(
  urls: readonly string[],
  sought: Sought,
): Promise<MonitorFacts[]> {
  const answers = await Promise.all(urls.map((url) => ask(url)));
  return answers.flatMap((status) =>
    status !== undefined && isSought(status, sought) ? (factsOf(status) ?? []) : [],
  );
}

async function ask(url: string): Promise<Status | undefined> {
  try {
    return await createApi(url).call<Status>("/varz", { timeoutMs: TIMEOUT_MS });
  } catch {
    return undefined; // most brokers have none: that is no fault
  }
}

/** On a machine with several brokers, the usual port may be another one's. */
const isSought = ({ server_id, cluster }: Status, sought: Sought): boolean =>
  server_id === sought.serverId ||
  (sought.cluster !== undefined && cluster?.name === sought.cluster);

function factsOf({ server_id, server_name, jetstream }: Status): MonitorFacts | undefined {
  if (jetstream?.config === undefined) return undefined;
  const { sync_always, sync_interval, max_storage } = jetstream.config;
  return {
    server: server_name ?? server_id ?? "a broker",
    sync: { always: sync_always ?? false, everyMs: (sync_interval ?? 0) / NS_PER_MS },
    storage: { used: jetstream.stats?.storage ?? 0, limit: max_storage ?? 0 },
  };
}

/** The usual place of each server's endpoint. */
export function usualMonitors(nats: string): string[] {
  const hosts = nats.split(",").map((server) => hostOf(server.trim()));
  return [...new Set(hosts)].map((host) => `http://${host}:${PORT}`);
}

function hostOf(server: string): string {
  const url = server.includes("://") ? server : `nats://${server}`;
  return URL.canParse(url) ? new URL(url).hostname : "127.0.0.1";
}
