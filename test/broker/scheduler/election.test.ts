// The lease of the leader when its bucket is taken away: row 26 of the fault table.
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";

import { createElection } from "../../../src/scheduler/election.ts";
import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { aborted } from "../../../src/shared/io/lifecycle.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";

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
      lead: async (_lease, signal) => aborted(signal),
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
