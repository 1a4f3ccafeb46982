// Leading on three brokers: the same promises, also when the broker that answers is killed.
import { afterAll, beforeAll, expect, test } from "vitest";

import { startCluster, type TestCluster } from "../../lab/cluster.ts";
import { until } from "../../lab/until.ts";
import { loggedAssignments, repeated } from "./assignments.ts";
import { openDesk, startScheduler, startWorker, type Desk } from "./crew.ts";

const LEASE_MS = 15_000;

let cluster: TestCluster;
let desk: Desk;
beforeAll(async () => {
  cluster = await startCluster();
  desk = await openDesk(cluster.url, 3);
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function allSucceeded(ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await until(async () => (await desk.stateOf(id)) === "succeeded", `success of ${id}`, 30_000);
}

/** Submits until it is taken: a broker may be electing. */
const submit = (name: string) =>
  until(
    async () => ((await desk.has(name)) ? desk.idOf(name) : desk.submit(name)),
    `the submit of ${name}`,
    20_000,
  );
const submitMany = (name: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => submit(`${name}${i}`)));

test("jobs are placed once and end while each broker in turn is killed and comes back", async () => {
  await using a = await startScheduler(cluster.url, "a", LEASE_MS);
  await using b = await startScheduler(cluster.url, "b", LEASE_MS);
  await using worker = await startWorker(cluster.url, "c1-aaaaaaaa", { total: 10, instant: true });
  await allSucceeded(await submitMany("before", 50));
  expect([a, b].filter((each) => each.leads())).toHaveLength(1);
  for (const [i, server] of cluster.servers.entries()) {
    await server.kill();
    const ids = await submitMany(`without${i}x`, 20);
    await server.restart();
    await cluster.ready();
    await allSucceeded(ids);
  }
  expect(repeated(await loggedAssignments(desk.broker))).toEqual([]);
  expect(worker.given.length).toBeGreaterThanOrEqual(110);
}, 120_000);

test("a leader that stops hands over at once", async () => {
  const a = await startScheduler(cluster.url, "a", LEASE_MS);
  await until(() => a.leads(), "a leads", 20_000);
  await using b = await startScheduler(cluster.url, "b", LEASE_MS);
  await a[Symbol.asyncDispose]();
  await until(() => b.leads(), "b leads", 5_000);
});
