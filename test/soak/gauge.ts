// Looks at what every process holds: memory, open files, and what the broker keeps for its clients.
import { readdirSync, readFileSync } from "node:fs";

import type { Installation } from "./installation.ts";

/** Figures by name; one that cannot be read is missing. */
export type Figures = Record<string, number>;

export type Sample = {
  /** Seconds since the load began. */
  atS: number;
  /** Resident size per process, in KiB. */
  rssKb: Figures;
  /** Open files per process, and the broker's subscriptions, consumers and connections. */
  held: Figures;
  /** For whoever reads the samples: messages and bytes in the streams. */
  stored: Figures;
};

export async function takeSample(installation: Installation, atS: number): Promise<Sample> {
  const pids = { ...installation.pids, ...launchersOf(installation.pids) };
  const [server, streams] = await Promise.all([
    monitor<ServerFacts>(installation, "varz"),
    monitor<StreamFacts>(installation, "jsz"),
  ]);
  return {
    atS: Math.round(atS),
    rssKb: mapValues(pids, residentKb),
    held: {
      ...mapKeys(mapValues(pids, openFiles), (name) => `${name}: open files`),
      "broker: subscriptions": server.subscriptions,
      "broker: connections": server.connections,
      "broker: consumers": streams.consumers,
    },
    stored: { messages: streams.messages, bytes: streams.bytes },
  };
}

type ServerFacts = { subscriptions: number; connections: number };
type StreamFacts = { consumers: number; messages: number; bytes: number };

async function monitor<T>({ monitorUrl }: Installation, page: string): Promise<T> {
  return (await (await fetch(`${monitorUrl}/${page}`)).json()) as T;
}

const residentKb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Each worker starts its programs through one child that stays. */
function launchersOf(pids: Readonly<Record<string, number>>): Figures {
  const launchers: Figures = {};
  for (const [name, pid] of Object.entries(pids)) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    const launcher = children.find((child) => commandOf(child).includes("launcher"));
    if (launcher !== undefined) launchers[`${name}'s launcher`] = Number(launcher);
  }
  return launchers;
}

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // gone meanwhile
  }
};

const mapValues = (pids: Readonly<Record<string, number>>, read: (pid: number) => number) =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, read(pid)]));

const mapKeys = (figures: Figures, rename: (name: string) => string): Figures =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [rename(name), value]));
