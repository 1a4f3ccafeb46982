// A scheduler that was cut off for longer than a removal can be seen in the streams.
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";

import { createReplica } from "../../../src/scheduler/replica.ts";
import { connectBroker } from "../../../src/shared/io/broker.ts";
import { MARKERS_MS } from "../../../src/shared/io/feed.ts";
import { createJobStore } from "../../../src/shared/io/job-store.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { newJob } from "../../../src/shared/job-machine.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";
import { startBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

test("it forgets jobs, cancels and workers that went without leaving a trace, and keeps the others", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "overslept-test" });
  await ensureTopology(broker);
  const store = createJobStore(broker);
  const { jobs, workers } = broker.subjects;
  const intent = { v: 1 as const, at: 1, actor: "test", reason: "asked" };
  for (const id of ["stays", "goes"]) {
    await store.create(newJob(id, { command: ["true"] }, 1));
    await store.requestCancel(id, intent);
    await broker.publish(workers.key(id), JSON.stringify(heartbeat(id)));
  }

  let sleptMs = 0;
  const clock = { ...broker.clock, mono: () => broker.clock.mono() + sleptMs };
  const { board, ...replica } = createReplica({ broker: { ...broker, clock } });
  const stop = new AbortController();
  const running = replica.run(stop.signal);
  await until(() => replica.isWarm(), "the replica to know everything");
  const known = () => ({
    jobs: board.jobIds(),
    cancels: board.cancelIds(),
    workers: board.workers(clock.mono()).map(({ beat }) => beat.id),
  });
  const both = ["stays", "goes"];
  expect(known()).toEqual({ jobs: both, cancels: both, workers: both });

  const manager = await jetstreamManager(broker.nc);
  for (const filter of [jobs.record("goes"), jobs.cancel("goes")])
    await manager.streams.purge(jobs.stream, { filter });
  await manager.streams.purge(workers.stream, { filter: workers.key("goes") });
  await replica.caughtUp();
  expect(known()).toEqual({ jobs: both, cancels: both, workers: both });

  sleptMs = MARKERS_MS;
  const one = ["stays"];
  await until(() => known().jobs.length + known().workers.length === 2, "the replica to compare");
  expect(known()).toEqual({ jobs: one, cancels: one, workers: one });
  stop.abort();
  await running;
});
