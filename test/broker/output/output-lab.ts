// A broker with a shipper on one connection and a reader on another, and a view of jobs that the test moves by hand.
import { createHash } from "node:crypto";

import type { LogEntry } from "../../../src/scheduler/logs/entry.ts";
import {
  createLogReader,
  type LogQuery,
  type LogReader,
} from "../../../src/scheduler/logs/log-reader.ts";
import type { Channel } from "../../../src/shared/chunk.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import type { Limits } from "../../../src/worker/output/limits.ts";
import { createShipper, type Shipper } from "../../../src/worker/output/shipper.ts";
import type { OutputSink } from "../../../src/worker/output/sink.ts";
import type { LogView } from "../../../src/scheduler/logs/view.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { tempDir } from "../../lab/temp-dir.ts";

export type JobsByHand = LogView & {
  begin(job: string, attempt: number): void;
  /** Ends the newest attempt; the job as well, unless it is retried. */
  end(job: string, retried?: "retried"): void;
};

export type OutputLab = AsyncDisposable & {
  server: TestBroker;
  worker: Broker;
  scheduler: Broker;
  jobs: JobsByHand;
  reader: LogReader;
  spoolRoot: string;
  shipper(limits?: Partial<Limits>): Shipper;
};

export async function startOutputLab(): Promise<OutputLab> {
  const server = await startBroker();
  const spool = await tempDir();
  const worker = await connectBroker({ url: server.url, identity: "worker" });
  const scheduler = await connectBroker({ url: server.url, identity: "scheduler" });
  await ensureTopology(scheduler);
  const jobs = createJobsByHand();
  return {
    server,
    worker,
    scheduler,
    jobs,
    spoolRoot: spool.path,
    reader: createLogReader({ broker: scheduler, view: jobs }),
    shipper: (limits = {}) => createShipper({ broker: worker, spoolRoot: spool.path, limits }),
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await scheduler[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
    },
  };
}

function createJobsByHand(): JobsByHand {
  const listeners = new Map<string, Set<() => void>>();
  const latest = new Map<string, number>();
  const ended = new Map<string, number>();
  const finished = new Set<string>();
  const changed = (job: string) => listeners.get(job)?.forEach((listener) => listener());
  return {
    latestAttempt: (job) => latest.get(job) ?? 0,
    attemptEnded: (job, attempt) => attempt <= (ended.get(job) ?? 0),
    jobFinished: (job) => finished.has(job),
    watch(job, listener) {
      const own = () => listener();
      const known = listeners.get(job) ?? new Set();
      listeners.set(job, known.add(own));
      return { [Symbol.dispose]: () => void known.delete(own) };
    },
    begin(job, attempt) {
      latest.set(job, attempt);
      changed(job);
    },
    end(job, retried) {
      ended.set(job, latest.get(job) ?? 0);
      if (retried === undefined) finished.add(job);
      changed(job);
    },
  };
}

/** Ids as `nanoid` makes them, but readable: "flood" is "flood000000000000000". */
export const jobId = (name: string): string => name.padEnd(20, "0");

/** Writes as an attempt does: waits whenever it is told to. */
export async function writeAll(
  sink: OutputSink,
  channel: Channel,
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes)
    await sink.write(channel, bytes.subarray(at, at + pieceBytes));
}

export const EXITED = { outcome: "exited", exitCode: 0 } as const;

/** Reads to the end. `onBatch` may stop or slow the reading. */
export async function readAll(
  reader: LogReader,
  query: Pick<LogQuery, "job"> & Partial<LogQuery>,
  onBatch: (entries: LogEntry[]) => void | Promise<void> = () => undefined,
): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  const full: LogQuery = { attempt: "latest", follow: false, ...query };
  for await (const entries of reader.read(full, AbortSignal.timeout(60_000))) {
    all.push(...entries);
    await onBatch(entries);
  }
  return all;
}

export function bytesOf(entries: LogEntry[], channel?: Channel): Buffer {
  const chunks = entries.filter((entry) => entry.kind === "chunk");
  return Buffer.concat(
    chunks
      .filter((chunk) => (channel ?? chunk.channel) === chunk.channel)
      .map(({ bytes }) => bytes),
  );
}

export const textOf = (entries: LogEntry[], channel?: Channel): string =>
  bytesOf(entries, channel).toString();

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");
