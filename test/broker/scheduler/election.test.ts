// The lease of the leader: handed over by who leaves, and taken away with its bucket (row 26 of the fault table).
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";

import { createAssignLog } from "../../../src/scheduler/assign-log.ts";
import { createElection } from "../../../src/scheduler/election.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { aborted } from "../../../src/shared/io/lifecycle.ts";
import { createLog } from "../../../src/shared/io/log.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

const lead = async (_lease: unknown, signal: AbortSignal) => aborted(signal);

test("who leaves gives the lease back, and the next leads long before it would have run out", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "both" });
  await ensureTopology(broker);
  const enter = (scheduler: string, signal: AbortSignal) => {
    const election = createElection({ broker, scheduler, ttlMs: 60_000, lead });
    return { election, over: election.run(signal) };
  };
  const [leaves, ends] = [new AbortController(), new AbortController()];
  const first = enter("first", leaves.signal);
  await until(() => first.election.leader()?.scheduler === "first", "the first to lead");
  const second = enter("second", ends.signal);
  await until(() => second.election.leader()?.scheduler === "first", "the second to wait");
  leaves.abort();
  await first.over;
  await until(() => second.election.leader()?.scheduler === "second", "the second to lead");
  ends.abort();
  await second.over;
});

test("who stops before its first write has only resigned: that is no failed election", async () => {
  await using server = await startBroker();
  await using broker = await connectBroker({ url: server.url, identity: "short" });
  await ensureTopology(broker);
  const events: unknown[] = [];
  const election = createElection({
    broker,
    scheduler: "short",
    ttlMs: 60_000,
    async lead({ epoch }, signal) {
      stops.abort();
      await createAssignLog(broker, epoch, 1).fence(signal);
    },
    log: createLog("scheduler", "info", { write: (line) => events.push(JSON.parse(line).event) }),
  });
  const stops = new AbortController();
  await election.run(stops.signal);
  expect(events).toEqual(["leading", "resigned"]);
});

test("who leads and who waits both end with an error that names the bucket when it is deleted", async () => {
  await using server = await startBroker();
  const connected = (identity: string): Promise<Broker> =>
    connectBroker({ url: server.url, identity });
  await using first = await connected("first");
  await using second = await connected("second");
  await ensureTopology(first);
  const elections = [first, second].map((broker, i) =>
    createElection({
      broker,
      scheduler: `s${i}`,
      ttlMs: 1_000,
      lead,
    }),
  );
  const signal = AbortSignal.timeout(20_000);
  const ends = Promise.allSettled(elections.map((election) => election.run(signal)));
  await until(() => elections.every((election) => election.leader() !== undefined), "a leader");
  const { stream } = first.subjects.leader;
  await (await jetstreamManager(first.nc)).streams.delete(stream);
  for (const end of await ends)
    expect(end).toMatchObject({
      reason: {
        code: "broker_misconfigured",
        message: expect.stringContaining(`${stream} is gone`),
      },
    });
});
