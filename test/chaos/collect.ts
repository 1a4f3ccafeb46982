// After a run: waits until everything is quiet, then asks every party what it knows.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { CHANNELS, type Channel } from "../../src/shared/chunk.ts";
import { isFinal } from "../../src/shared/job.ts";
import { readOutput, viewOf } from "./api.ts";
import type { ChannelSeen, LineSeen, Observation } from "./checker/history.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Observer } from "./observer.ts";
import { findJobProcesses } from "./processes.ts";

export type CollectOptions = {
  cluster: Cluster;
  observer: Observer;
  journal: string;
  history: readonly Observation[];
  note(seen: Observation): void;
};

/** Patience for jobs to end, and for what is known of workers to settle. */
const QUIET_MS = 180_000;
const SETTLED_MS = 40_000;
const LOOK_MS = 500;
const READERS = 4;

/** Resolves when every job is final or patience has ended; the checker says which. */
export async function awaitQuiet({ observer, history }: CollectOptions): Promise<void> {
  const accepted = new Set(
    history.flatMap((seen) => (seen.kind === "submit" && seen.job !== undefined ? [seen.job] : [])),
  );
  await within(QUIET_MS, async () => {
    await observer.caughtUp();
    const { records } = observer;
    return (
      [...accepted].every((job) => records.has(job)) &&
      [...records.values()].every(({ state }) => isFinal(state))
    );
  });
}

export async function collect(options: CollectOptions): Promise<void> {
  await within(SETTLED_MS, () => isSettled(options));
  await noteViews(options);
  noteProcesses(options, "end");
  await noteLines(options);
  await noteOutputs(options);
}

const liveWorkers = ({ workers }: Cluster): string[] =>
  workers.flatMap(({ program }) => (program.said === undefined ? [] : [program.said]));

async function isSettled({ cluster }: CollectOptions): Promise<boolean> {
  const live = liveWorkers(cluster).toSorted().join();
  for (const { url } of cluster.schedulers) {
    const { workers } = await viewOf(url);
    const listed = workers
      .map(({ id }) => id)
      .toSorted()
      .join();
    const idle = workers.every(({ slots, status }) => slots.used === 0 && status === "ready");
    if (listed !== live || !idle) return false;
  }
  return true;
}

async function noteViews({ cluster, note }: CollectOptions): Promise<void> {
  const at = Date.now();
  for (const { url } of cluster.schedulers) {
    const { jobs, workers } = await viewOf(url);
    const shown = workers.map(({ id, status, slots, running }) => ({
      worker: id,
      status,
      used: slots.used,
      running: running.map(({ job }) => job),
    }));
    note({ kind: "scheduler", at, scheduler: url, jobs, workers: shown });
  }
  note({ kind: "alive", at, workers: liveWorkers(cluster) });
}

export function noteProcesses(
  { journal, note }: Pick<CollectOptions, "journal" | "note">,
  when: "cancelled" | "end" | "stopped",
  job?: string,
): void {
  for (const found of findJobProcesses(journal, job))
    note({ kind: "process", at: Date.now(), when, ...found });
}

/** A job that was killed while it wrote may have left half a line. */
async function noteLines({ journal, note }: CollectOptions): Promise<void> {
  const text = await readFile(journal, "utf8");
  for (const line of text.split("\n")) if (line.endsWith("}")) note(JSON.parse(line) as LineSeen);
}

async function noteOutputs(options: CollectOptions): Promise<void> {
  const wanted = [...options.observer.records.values()].flatMap(({ id, attempts }) =>
    attempts.map(({ number }) => ({ id, number })),
  );
  const urls = options.cluster.schedulers.map(({ url }) => url);
  const read = async (reader: number): Promise<void> => {
    for (let next = wanted.pop(); next !== undefined; next = wanted.pop())
      await noteOutput(options, urls[reader % urls.length] as string, next.id, next.number);
  };
  await Promise.all(Array.from({ length: READERS }, (_, reader) => read(reader)));
}

type Entry = {
  kind: "chunk" | "gap" | "end";
  channel: Channel;
  offset: number;
  text?: string;
  base64?: string;
  dropped?: number;
  complete?: boolean;
};

async function noteOutput(
  { note }: CollectOptions,
  url: string,
  job: string,
  attempt: number,
): Promise<void> {
  const text = await readOutput(url, job, attempt);
  if (text === undefined) return;
  const entries = text
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]));
  const channels = Object.fromEntries(
    CHANNELS.map((channel) => [channel, readChannel(entries, channel)]),
  ) as Record<Channel, ChannelSeen>;
  const complete = entries.some(({ kind, complete: whole }) => kind === "end" && whole === true);
  note({ kind: "output", at: Date.now(), job, attempt, complete, channels });
}

function readChannel(entries: readonly Entry[], channel: Channel): ChannelSeen {
  const hash = createHash("sha256");
  const seen = { bytes: 0, dropped: 0, misplaced: 0 };
  for (const entry of entries) {
    if (entry.kind === "end" || entry.channel !== channel) continue;
    if (entry.offset !== seen.bytes + seen.dropped) seen.misplaced += 1;
    if (entry.kind === "gap") seen.dropped += entry.dropped ?? 0;
    else {
      const bytes = Buffer.from(
        entry.base64 ?? entry.text ?? "",
        entry.base64 === undefined ? "utf8" : "base64",
      );
      hash.update(bytes);
      seen.bytes += bytes.length;
    }
  }
  return { ...seen, sha256: hash.digest("hex") };
}

/** Looks again and again until the fact is there or the time is up. A fact that throws is not there yet. */
async function within(ms: number, fact: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if (await fact().catch(() => false)) return;
    await delay(LOOK_MS);
  }
}
