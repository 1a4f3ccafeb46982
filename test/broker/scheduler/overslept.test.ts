// A scheduler that cannot see a removal in the streams: it was cut off for too long, or read a copy that fell behind.
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";

import { createReplica, type Replica } from "../../../src/scheduler/replica.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { MARKERS_MS } from "../../../src/shared/io/feed.ts";
import { createJobStore } from "../../../src/shared/io/job-store.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { newJob } from "../../../src/shared/job-machine.ts";
import { PRESENCE } from "../../../src/shared/messages.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";
import { startBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

const intent = { v: 1 as const, at: 1, actor: "test", reason: "asked" };
const STAYS = "stays000000000000000";
const GOES = "goes0000000000000000";
const both = [STAYS, GOES];
const one = [STAYS];

/** Two jobs with a wish to end each, and two workers. */
async function fill(broker: Broker): Promise<void> {
  await ensureTopology(broker);
  const store = createJobStore(broker);
  for (const id of both) {
    await store.create(newJob(id, { command: ["true"] }, 1));
    await store.requestCancel(id, intent);
    await broker.publish(broker.subjects.workers.key(id), JSON.stringify(heartbeat(id)));
  }
}

/** As if it had never been there: no marker tells of it. */
async function purge({ nc, subjects }: Broker, stream: string, id: string): Promise<void> {
  const { jobs, workers } = subjects;
  const manager = await jetstreamManager(nc);
  const filters = stream === jobs.stream ? [jobs.record(id), jobs.cancel(id)] : [workers.key(id)];
  for (const filter of filters) await manager.streams.purge(stream, { filter });
}

function runReplica(broker: Broker): Replica & AsyncDisposable {
  const replica = createReplica({ broker });
  const stop = new AbortController();
  const running = replica.run(stop.signal);
  return {
    ...replica,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

const knows = (replica: Replica, broker: Broker, count: number): boolean =>
  Object.values(known(replica, broker)).every(({ length }) => length === count);

const known = ({ board }: Replica, { clock }: Broker) => ({
  jobs: board.jobIds(),
  cancels: board.cancelIds(),
  workers: board.workers(clock.mono()).map(({ beat }) => beat.id),
});

test("it forgets jobs, cancels and workers that went without leaving a trace, and keeps the others", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "overslept-test" });
  await fill(broker);

  let sleptMs = 0;
  const clock = { ...broker.clock, mono: () => broker.clock.mono() + sleptMs };
  const sleeper = { ...broker, clock };
  await using replica = runReplica(sleeper);
  await until(() => replica.isWarm(), "the replica to know everything");
  expect(known(replica, sleeper)).toEqual({ jobs: both, cancels: both, workers: both });

  const { jobs, workers } = broker.subjects;
  for (const { stream } of [jobs, workers]) await purge(broker, stream, GOES);
  await replica.caughtUp();
  expect(known(replica, sleeper)).toEqual({ jobs: both, cancels: both, workers: both });

  sleptMs = MARKERS_MS;
  await until(() => knows(replica, sleeper, 1), "the replica to compare");
  expect(known(replica, sleeper)).toEqual({ jobs: one, cancels: one, workers: one });
});

test("at its start it forgets what only a copy that fell behind still holds", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "behind-test" });
  await fill(broker);
  const { jobs, workers } = broker.subjects;
  const ahead = new Set([jobs.stream, workers.stream]);
  const copies: Broker = {
    ...broker,
    streamState: async (stream) => ({ ...(await broker.streamState(stream)), replicas: 3 }),
    async range(stream, query) {
      const range = await broker.range(stream, query);
      if (ahead.delete(stream)) await purge(broker, stream, GOES);
      return range;
    },
  };
  await using replica = runReplica(copies);
  await until(() => replica.isWarm() && knows(replica, broker, 1), "the replica to compare");
  expect(known(replica, broker)).toEqual({ jobs: one, cancels: one, workers: one });
});

test("at its start it believes no heartbeat that should have expired, until the worker is heard again", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "stale-test" });
  await fill(broker);
  const clock = { ...broker.clock, now: () => broker.clock.now() + 3 * PRESENCE.ttlMs };
  await using replica = runReplica({ ...broker, clock });
  await until(() => replica.isWarm(), "the replica to know everything");
  expect(known(replica, broker).workers).toEqual([]);

  await broker.publish(broker.subjects.workers.key(STAYS), JSON.stringify(heartbeat(STAYS)));
  await until(() => known(replica, broker).workers.length === 1, "the worker that lives");
  expect(known(replica, broker).workers).toEqual(one);
});
