// Schedulers without HTTP and workers without processes, on a real broker.
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { createFeed } from "../../../src/shared/io/feed.ts";
import { createJobStore, type JobStore } from "../../../src/shared/io/job-store.ts";
import { runAll } from "../../../src/shared/io/lifecycle.ts";
import { silentLog } from "../../../src/shared/io/log.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import { isFinal } from "../../../src/shared/job.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import {
  decodeAssignments,
  decodeControl,
  type ControlRequest,
  type Heartbeat,
} from "../../../src/shared/messages.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { createElection, type Election } from "../../../src/scheduler/election.ts";
import { lead } from "../../../src/scheduler/leader.ts";
import { createReplica, type Replica } from "../../../src/scheduler/replica.ts";
import { until } from "../../lab/until.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";

export type TestScheduler = AsyncDisposable & {
  readonly replica: Replica;
  readonly election: Election;
  /** True while it may place. */
  leads(): boolean;
  /** Ends as a killed program would: nothing is given back. */
  vanish(): Promise<void>;
};

export async function startScheduler(
  url: string,
  id: string,
  ttlMs = 2_000,
): Promise<TestScheduler> {
  const broker = await connectBroker({ url, identity: id });
  const replica = createReplica({ broker });
  const store = createJobStore(broker);
  const stop = new AbortController();
  const election = createElection({
    broker,
    scheduler: id,
    ttlMs,
    lead: (lease, signal, isTrusted) => lead({ broker, replica, store }, lease, signal, isTrusted),
  });
  const running = runAll([replica, election], stop.signal);
  running.catch(() => undefined);
  return {
    replica,
    election,
    leads: () => election.leader()?.scheduler === id,
    async vanish() {
      await broker[Symbol.asyncDispose](); // cut off first, so that it cannot resign
      stop.abort();
      await running;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await broker[Symbol.asyncDispose]();
    },
  };
}

export type Given = { job: string; attempt: number; seq: number; epoch: number };

export type TestWorker = AsyncDisposable & {
  readonly id: string;
  /** Everything it was assigned, in order. */
  readonly given: Given[];
  readonly asked: ControlRequest[];
  beat(changes?: Partial<Heartbeat>): Promise<void>;
  finish(given: Given, exitCode?: number): Promise<void>;
  leave(): Promise<void>;
};

/** A worker that takes assignments; with `instant` it also ends each of them at once. */
export async function startWorker(
  url: string,
  id: string,
  options: { total?: number; instant?: boolean } = {},
): Promise<TestWorker> {
  const { total = 4, instant = false } = options;
  const broker = await connectBroker({ url, identity: `worker-${id}` });
  const store = createJobStore(broker);
  const { workers, assign } = broker.subjects;
  const held = new Map<string, Given>();
  const given: Given[] = [];
  const asked: ControlRequest[] = [];
  const ends = new Set<Promise<void>>();
  let lastAssign = 0;

  async function finish(each: Given, exitCode = 0): Promise<void> {
    const at = Date.now();
    const current = await store.read(each.job);
    if (current === undefined) throw new Error(`no record of ${each.job}`);
    if (isFinal(current.record.state)) return; // an earlier write was stored although its answer was lost
    const event = {
      type: "finished",
      at,
      attempt: each.attempt,
      worker: id,
      startedAt: at,
      ending: { outcome: "exited", exitCode },
      random: 0,
    } as const;
    await store.write(apply(current.record, event), each.seq);
    held.delete(each.job);
  }

  async function untilFinished(each: Given): Promise<void> {
    await until(() => finish(each).then(() => true), `the end of ${each.job}`, 30_000);
  }

  const intake = createFeed({
    broker,
    stream: assign.stream,
    source: assign.to(id),
    listen: assign.commandsOf(id),
    scope: "subject",
    onMessage(message) {
      const batch = decodeAssignments(textOf(message));
      lastAssign = message.seq;
      for (const { record, attempt, seq } of batch?.items ?? []) {
        const each = { job: record.id, attempt, seq, epoch: batch?.epoch ?? 0 };
        given.push(each);
        held.set(record.id, each);
        if (!instant) continue;
        const end = untilFinished(each).finally(() => ends.delete(end));
        ends.add(end);
      }
    },
  });
  const stop = new AbortController();
  const takingIn = intake.run(stop.signal);
  const serving = broker.serve(broker.subjects.control(id), async (text) => {
    const request = decodeControl(text);
    if (request) asked.push(request);
    return JSON.stringify({ ok: true, held: held.size });
  });

  async function beat(changes: Partial<Heartbeat> = {}): Promise<void> {
    const message: Heartbeat = {
      ...heartbeat(id, { total }),
      held: [...held.values()].map(({ job, attempt }) => ({ job, attempt, startedAt: 0 })),
      lastAssign,
      ...changes,
    };
    await broker.publish(workers.key(id), JSON.stringify(message), { ttlMs: 10_000 });
  }
  await broker.flush();
  await beat();
  const beating = setInterval(() => void beat().catch(() => undefined), 1_000);
  return {
    id,
    given,
    asked,
    beat,
    finish,
    async leave() {
      clearInterval(beating);
      await broker.publish(workers.key(id), "", { headers: { "KV-Operation": "DEL" } });
    },
    async [Symbol.asyncDispose]() {
      clearInterval(beating);
      stop.abort();
      await takingIn;
      serving[Symbol.dispose]();
      await Promise.allSettled(ends);
      await broker[Symbol.asyncDispose]();
    },
  };
}

const idOf = (name: string): string => name.padStart(20, "0");

export type Desk = AsyncDisposable & {
  readonly broker: Broker;
  readonly store: JobStore;
  submit(name: string, spec?: Partial<JobSpec>): Promise<string>;
  idOf(name: string): string;
  has(name: string): Promise<boolean>;
  stateOf(id: string): Promise<string | undefined>;
};

/** Where jobs are handed in. Makes the streams. */
export async function openDesk(url: string, replicas = 1): Promise<Desk> {
  const broker = await connectBroker({ url, identity: "desk", log: silentLog });
  await ensureTopology(broker, { replicas, logsMaxBytes: 16 * 2 ** 20 });
  const store = createJobStore(broker);
  return {
    broker,
    store,
    idOf,
    has: async (name) => (await store.read(idOf(name))) !== undefined,
    async submit(name, spec = {}) {
      const id = idOf(name);
      await store.create(newJob(id, { command: ["true"], ...spec }, Date.now()));
      return id;
    },
    stateOf: async (id) => (await store.read(id))?.record.state,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}
