// A broker, a replica and the HTTP facade on a real port; the test itself plays the worker.
import { customAlphabet } from "nanoid";

import { createAdmission } from "../../../src/scheduler/admission.ts";
import { createSecurity } from "../../../src/scheduler/auth/security.ts";
import type { AuthSettings } from "../../../src/scheduler/auth/settings.ts";
import { createConfigBook } from "../../../src/scheduler/config-book.ts";
import { createApp } from "../../../src/scheduler/http/app.ts";
import type { HttpDeps } from "../../../src/scheduler/http/deps.ts";
import { loopbackHosts } from "../../../src/scheduler/http/gate.ts";
import type { JobView } from "../../../src/scheduler/http/job-view.ts";
import { listen, type ListenOptions } from "../../../src/scheduler/http/listen.ts";
import { createDefinitions } from "../../../src/scheduler/definitions/definitions.ts";
import { openFiles } from "../../../src/scheduler/files/open.ts";
import { createGroups } from "../../../src/scheduler/groups/groups.ts";
import { createLogView } from "../../../src/scheduler/log-view.ts";
import { createLogReader } from "../../../src/scheduler/logs/log-reader.ts";
import { createReservationDesk } from "../../../src/scheduler/reservations/desk.ts";
import { createDeliver } from "../../../src/scheduler/webhooks/deliver.ts";
import { createWebhooks, type Webhooks } from "../../../src/scheduler/webhooks/webhooks.ts";
import { openQuarantine } from "../../../src/scheduler/quarantine.ts";
import { createReplica } from "../../../src/scheduler/replica.ts";
import { createSchedules } from "../../../src/scheduler/schedules/schedules.ts";
import type { Problem } from "../../../src/shared/errors.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createConfigStore } from "../../../src/shared/io/config-store.ts";
import { createHappenings } from "../../../src/shared/io/happenings.ts";
import { createJobStore, type JobStore } from "../../../src/shared/io/job-store.ts";
import { withLargeValues } from "../../../src/shared/io/large-values.ts";
import { createQueueStore } from "../../../src/shared/io/queue-store.ts";
import { silentLog } from "../../../src/shared/io/log.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { apply } from "../../../src/shared/job-machine.ts";
import type { Ending } from "../../../src/shared/job.ts";
import type { ControlReply, ControlRequest, Heartbeat } from "../../../src/shared/messages.ts";
import { ID_ALPHABET, JOB_ID_LENGTH } from "../../../src/shared/names.ts";
import { decodeTenure } from "../../../src/shared/reservation.ts";
import { decodeWebhook, decodeWebhookState } from "../../../src/shared/webhook.ts";
import { createShipper } from "../../../src/worker/output/shipper.ts";
import type { OutputSink } from "../../../src/worker/output/sink.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { heartbeat, WORKER } from "./heartbeat.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";

export { WORKER };
export const newJobId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);

/** Where it listens, how slowly it lets requests come, and who may ask; default: everybody. */
export type ReplicaOptions = Partial<ListenOptions> &
  Pick<HttpDeps, "uploadPace"> & { auth?: AuthSettings };

export type Answer<T> = { status: number; headers: Headers; body: T };

export type Replica = AsyncDisposable & {
  url: string;
  broker: Broker;
  view: HttpDeps["view"];
  /** Live subscriptions of its log reader. */
  followed(): number;
  /** Sends JSON and reads whatever comes back. */
  call<T = JobView & Problem>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
};

export type HttpLab = AsyncDisposable & {
  server: TestBroker;
  store: JobStore;
  first: Replica;
  /** What workers were asked. */
  asked: { worker: string; request: ControlRequest }[];
  addReplica(options?: ReplicaOptions): Promise<Replica>;
  submit(spec?: object): Promise<string>;
  /** Records attempt `n` of the job as running. */
  start(job: string, attempt?: number): Promise<void>;
  /** Records the end of attempt `n`. */
  finish(job: string, ending?: Partial<Ending>, attempt?: number): Promise<void>;
  /** Where the output of the job's first attempt goes. */
  output(job: string): OutputSink;
  beat(changes?: Partial<Heartbeat>): Promise<void>;
  /** Messages that the broker holds about jobs and queues. */
  stored(): Promise<number>;
};

export async function startHttpLab(): Promise<HttpLab> {
  const server = await startBroker();
  const broker = await connectBroker({ url: server.url, identity: "test" });
  await ensureTopology(broker);
  const store = createJobStore(broker);
  const spool = await tempDir();
  const shipper = createShipper({ broker, spoolRoot: spool.path });
  const asked: HttpLab["asked"] = [];
  const replicas: Replica[] = [];

  async function addReplica(options: ReplicaOptions = {}): Promise<Replica> {
    const replica = await startReplica(server.url, `api${replicas.length}`, asked, options);
    replicas.push(replica);
    return replica;
  }

  const first = await addReplica();
  return {
    server,
    store,
    first,
    asked,
    addReplica,
    async submit(spec = { command: ["true"] }) {
      return (await first.call("POST", "/v1/jobs", spec)).body.id;
    },
    async start(job, attempt = 1) {
      await store.update(job, (record) =>
        apply(record, { type: "started", at: Date.now(), attempt, worker: WORKER }),
      );
    },
    async finish(job, ending = {}, attempt = 1) {
      const at = Date.now();
      const whole: Ending = { outcome: "exited", exitCode: 0, ...ending };
      await store.update(job, (record) =>
        apply(record, {
          type: "finished",
          at,
          startedAt: at,
          attempt,
          worker: WORKER,
          ending: whole,
          random: 0,
        }),
      );
    },
    output: (job) => shipper.open({ job, attempt: 1 }),
    async beat(changes = {}) {
      const beat = { ...heartbeat(), ...changes };
      await broker.publish(broker.subjects.workers.key(beat.id), JSON.stringify(beat));
      await until(() => first.view.worker(beat.id, broker.clock.mono()), "the worker to be known");
    },
    async stored() {
      const { jobs, queues } = broker.subjects;
      const states = await Promise.all(
        [jobs.stream, queues.stream].map((stream) => broker.streamState(stream)),
      );
      return states.reduce((sum, { messages }) => sum + messages, 0);
    },
    async [Symbol.asyncDispose]() {
      for (const replica of replicas) await replica[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
    },
  };
}

async function startReplica(
  natsUrl: string,
  identity: string,
  asked: HttpLab["asked"],
  { auth = { required: false, insecureOpen: false }, uploadPace, ...options }: ReplicaOptions,
): Promise<Replica> {
  const broker = await connectBroker({ url: natsUrl, identity });
  const replica = createReplica({ broker });
  const book = createConfigBook({ broker });
  const files = openFiles({ broker, book });
  const stop = new AbortController();
  const store = withLargeValues(createJobStore(broker), files.store);
  const parts = {
    broker,
    replica,
    book,
    files: files.store,
    store,
    log: silentLog,
    admission: createAdmission(replica.board, auth.namespaceLimit, files.bundles.resolve),
    tell: async () => 0,
  };
  const groups = createGroups(parts);
  const made = { ...parts, board: replica.board, groups: groups.desk };
  const definitions = createDefinitions(made);
  const running = Promise.all([replica.run(stop.signal), groups.feed.run(stop.signal)]);
  let stopping: Promise<void> | undefined;
  await until(() => replica.isWarm(), "the replica to be warm");
  const view = replica.board;
  const { admission } = parts;
  const schedules = createSchedules({ ...made, definitions });
  let followed = 0;
  const counting: Broker = {
    ...broker,
    listen(subject, listener) {
      const listening = broker.listen(subject, listener);
      followed += 1;
      return {
        [Symbol.dispose]() {
          followed -= 1;
          listening[Symbol.dispose]();
        },
      };
    },
  };
  const app = createApp({
    store,
    files: files.store,
    view,
    logs: createLogReader({ broker: counting, view: createLogView(view) }),
    broker,
    clock: broker.clock,
    ...createSecurity({ broker, book, settings: auth }),
    log: silentLog,
    newJobId,
    admission,
    control: async (worker, request): Promise<ControlReply> => {
      asked.push({ worker, request });
      return { ok: true, held: 0 };
    },
    release: openQuarantine({ broker, book, board: replica.board, log: silentLog }).release,
    groups: groups.desk,
    bundles: files.bundles,
    ...(uploadPace === undefined ? {} : { uploadPace }),
    definitions: { ...definitions, nextRunAt: () => undefined },
    webhooks: webhooksOf(broker),
    reservations: createReservationDesk({
      view,
      store: createJobStore(broker),
      tenures: createConfigStore(broker, "reservation", decodeTenure),
      shelf: { entries: () => [] },
      clock: broker.clock,
      newJobId,
      onFact: replica.onFact,
    }),
    schedules: schedules.desk,
    calendars: schedules.calendars,
    queues: createQueueStore(broker),
    leader: () => ({ v: 1, scheduler: identity, epoch: 1, since: 0 }),
    ready: () => replica.isWarm() && broker.isUp(),
    metrics: async () => "millrace_up 1\n",
    closing: stop.signal,
    hosts: loopbackHosts("127.0.0.1"),
  });
  const reading = book.feed.run(stop.signal);
  const listening = await listen(app, { host: "127.0.0.1", port: 0, ...options });
  return {
    url: listening.url,
    broker,
    view,
    followed: () => followed,
    async call(method, path, body, headers) {
      const response = await fetch(`${listening.url}${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json");
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
      };
    },
    [Symbol.asyncDispose]: () => (stopping ??= leave()),
  };

  async function leave(): Promise<void> {
    stop.abort();
    await listening[Symbol.asyncDispose]();
    await Promise.all([running, reading]);
    await broker[Symbol.asyncDispose]();
  }
}

/** As the API has them; nobody delivers by itself. */
function webhooksOf(broker: Broker): Webhooks {
  return createWebhooks({
    broker,
    shelf: { entries: () => [] },
    store: createConfigStore(broker, "webhook", decodeWebhook),
    states: createConfigStore(broker, "webhook-state", decodeWebhookState),
    happenings: createHappenings(broker),
    deliver: createDeliver({ clock: broker.clock, inside: false }),
  });
}
