// Reads do not outlive the connection that they were asked over, and go on whatever size the messages have.
import { expect, test } from "vitest";

import { connectBroker } from "../../../src/shared/io/broker.ts";
import { ensureTopology } from "../../../src/shared/io/topology.ts";
import { startSpawnedBroker } from "../../lab/spawned-broker.ts";
import { until } from "../../lab/until.ts";

test("a read fails when the connection is lost under it, and at once while there is none", async () => {
  // Spawned in every mode: a container takes so long to die that the reads are answered first.
  await using server = await startSpawnedBroker({});
  await using broker = await connectBroker({ url: server.url, identity: "reader-test" });
  await ensureTopology(broker);
  const { stream, all } = broker.subjects.jobs;
  const read = [
    () => broker.last(stream, broker.subjects.jobs.record("a")),
    () => broker.lastNearby(stream, broker.subjects.jobs.record("a")),
    () => broker.next(stream, { from: 1, subject: all }),
    () => broker.streamState(stream),
    () => broker.range(stream, { from: 1, subject: all }),
  ];
  await server.pause();
  const underWay = Promise.allSettled(read.map((ask) => ask()));
  const askedAt = performance.now();
  await server.kill();
  for (const { status } of await underWay) expect(status).toBe("rejected");
  await until(() => !broker.isUp(), "the loss to be noticed");
  for (const ask of read) await expect(ask()).rejects.toMatchObject({ code: "broker_unavailable" });
  // each of them would wait for five seconds by itself
  expect(performance.now() - askedAt).toBeLessThan(4_000);
});

test("a range is never empty while there is more, however large its messages are", async () => {
  await using server = await startSpawnedBroker({});
  await using broker = await connectBroker({ url: server.url, identity: "reader-test" });
  await ensureTopology(broker);
  const { stream, of } = broker.subjects.logs;
  const subject = of("a", 1);
  for (const _ of [1, 2]) await broker.publish(subject, new Uint8Array(500_000));
  const read = (from: number) => broker.range(stream, { from, subject, maxBytes: 1_000 });
  expect(await read(1)).toMatchObject({ messages: [{ seq: 1 }], more: true });
  expect(await read(2)).toMatchObject({ messages: [{ seq: 2 }], more: false });
});
