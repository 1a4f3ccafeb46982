// A broker with a real worker on it and a leader played by the test: it submits, assigns, and reads what became of it.
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { decodeLogRecord, CHUNK_HEADER } from "../../../src/shared/chunk.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createJobStore, type JobStore } from "../../../src/shared/io/job-store.ts";
import { silentLog } from "../../../src/shared/io/log.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import type { JobRecord } from "../../../src/shared/job.ts";
import { newJob } from "../../../src/shared/job-machine.ts";
import {
  decodeHeartbeat,
  type AssignmentBatch,
  type ControlReply,
  type ControlRequest,
  type Heartbeat,
} from "../../../src/shared/messages.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { readWorkerConfig, type WorkerFlags } from "../../../src/worker/config.ts";
import { runWorker } from "../../../src/worker/worker.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";

export type TestWorker = AsyncDisposable & {
  id: string;
  beat(): Promise<Heartbeat | undefined>;
  ask(request: ControlRequest): Promise<ControlReply>;
  /** The first signal. */
  drain(): void;
  /** The second signal. */
  now(): void;
  /** Settles when the worker has left. */
  left: Promise<void>;
};

type OnId = (workerId: string) => unknown;

export type Submitted = { record: JobRecord; seq: number };

export type WorkerLab = AsyncDisposable & {
  server: TestBroker;
  broker: Broker;
  store: JobStore;
  /** Directory of handler modules. */
  handlersDir: string;
  /** `onId` is told the worker's id before it connects. */
  startWorker(flags?: WorkerFlags, onId?: OnId): Promise<TestWorker>;
  submit(spec: JobSpec): Promise<Submitted>;
  /** Appends one batch to the worker's assignments, as a leader would. */
  assign(worker: { id: string }, jobs: Submitted[], epoch?: number): Promise<number>;
  /** Submits and assigns. */
  give(worker: TestWorker, spec: JobSpec): Promise<string>;
  /** The record once it passes the test. */
  record(job: string, what: string, test: (record: JobRecord) => boolean): Promise<JobRecord>;
  final(job: string): Promise<JobRecord>;
  output(job: string, attempt?: number): Promise<string>;
};

export async function startWorkerLab(): Promise<WorkerLab> {
  const server = await startBroker();
  const root = await tempDir();
  const handlersDir = join(root.path, "handlers");
  await mkdir(handlersDir);
  const broker = await connectBroker({ url: server.url, identity: "leader" });
  await ensureTopology(broker);
  const store = createJobStore(broker);

  async function record(job: string, what: string, test: (found: JobRecord) => boolean) {
    return until(async () => {
      const found = (await store.read(job))?.record;
      return found !== undefined && test(found) ? found : undefined;
    }, `job ${job} ${what}`);
  }

  async function assign(worker: { id: string }, jobs: Submitted[], epoch = 1): Promise<number> {
    const items = jobs.map(({ record: found, seq }) => ({
      attempt: found.attempt + 1,
      seq,
      record: found,
    }));
    const batch: AssignmentBatch = { v: 1, epoch, items };
    const subject = broker.subjects.assign.to(worker.id);
    return (await broker.publish(subject, JSON.stringify(batch))).seq;
  }

  async function submit(spec: JobSpec): Promise<Submitted> {
    const job = newJob(randomBytes(10).toString("hex"), spec, Date.now());
    return { record: job, seq: await store.create(job) };
  }

  return {
    server,
    broker,
    store,
    handlersDir,
    startWorker: (flags, onId) => startWorker(broker, server.url, root.path, flags, onId),
    submit,
    assign,
    async give(worker, spec) {
      const job = await submit(spec);
      await assign(worker, [job]);
      return job.record.id;
    },
    record,
    final: (job) => record(job, "has ended", ({ finishedAt }) => finishedAt !== undefined),
    async output(job, attempt = 1) {
      const { logs } = broker.subjects;
      const query = { from: 1, subject: logs.of(job, attempt) };
      const { messages } = await broker.range(logs.stream, query);
      const known = new Map(
        messages.map((message) => [decodeLogRecord(message.header(CHUNK_HEADER))?.no, message]),
      );
      return [...known.values()].map(textOf).join("");
    },
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

async function startWorker(
  broker: Broker,
  nats: string,
  root: string,
  flags: WorkerFlags = {},
  onId: OnId = () => undefined,
): Promise<TestWorker> {
  const drain = new AbortController();
  const now = new AbortController();
  const config = readWorkerConfig(process.env, {
    nats,
    name: "lab",
    slots: "4",
    workRoot: join(root, "work"),
    spoolRoot: join(root, "spool"),
    ...flags,
  });
  let id = "";
  const left = runWorker(
    config,
    { drain: drain.signal, now: now.signal },
    {
      log: silentLog,
      onId(found) {
        id = found;
        void onId(id);
      },
    },
  );
  left.catch(() => undefined);
  const { workers, control } = broker.subjects;

  async function beat(): Promise<Heartbeat | undefined> {
    const stored = await broker.last(workers.stream, workers.key(id));
    return stored === undefined ? undefined : decodeHeartbeat(textOf(stored));
  }

  await Promise.race([until(beat, "the worker's first heartbeat"), left]);
  return {
    id,
    beat,
    ask: async (request) =>
      JSON.parse(await broker.request(control(id), JSON.stringify(request), 5_000)) as ControlReply,
    drain: () => drain.abort(),
    now: () => now.abort(),
    left,
    async [Symbol.asyncDispose]() {
      drain.abort();
      now.abort();
      await left.catch(() => undefined);
    },
  };
}

/** Writes a handler module; the body may use `ctx` and `input`. */
export async function writeHandler(
  dir: string,
  name: string,
  body: string,
  more = "",
): Promise<void> {
  const source = `export default { name: ${JSON.stringify(name)}, ${more} async run(input, ctx) { ${body} } };\n`;
  await writeFile(join(dir, `${name}.mjs`), source);
}
