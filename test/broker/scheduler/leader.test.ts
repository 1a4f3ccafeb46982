// One leader at a time, its work, and what happens when it goes: on a real broker.
import { afterAll, beforeAll, expect, test } from "vitest";

import { createAssignLog } from "../../../src/scheduler/assign-log.ts";
import { connectBroker } from "../../../src/shared/io/broker.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";
import { heartbeat } from "../../unit/scheduler/core/facts.ts";
import { loggedAssignments } from "./assignments.ts";
import { openDesk, startScheduler, startWorker, type Desk } from "./crew.ts";

let server: TestBroker;
let desk: Desk;
beforeAll(async () => {
  server = await startBroker();
  desk = await openDesk(server.url);
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test("a job submitted over the broker is assigned, and its end is known to every replica", async () => {
  await using a = await startScheduler(server.url, "a");
  await using b = await startScheduler(server.url, "b");
  await using worker = await startWorker(server.url, "w1-aaaaaaaa");
  const id = await desk.submit("first");
  const given = await until(() => worker.given[0], "an assignment");
  expect(given).toMatchObject({ job: id, attempt: 1 });
  expect([a, b].filter((each) => each.leads())).toHaveLength(1);
  for (const { replica } of [a, b])
    await until(() => replica.board.get(id)?.state === "running", "running everywhere");
  await worker.finish(given);
  for (const { replica } of [a, b])
    await until(() => replica.board.get(id)?.state === "succeeded", "finished everywhere");
  await worker.leave();
});

test("when the leader vanishes another places within the lease, and nothing is placed twice", async () => {
  const a = await startScheduler(server.url, "a");
  await until(() => a.leads(), "a leads");
  await using b = await startScheduler(server.url, "b");
  await using worker = await startWorker(server.url, "w2-aaaaaaaa", { total: 8 });
  const before = await desk.submit("before");
  await until(() => worker.given.some(({ job }) => job === before), "an assignment by a");
  await until(() => b.replica.board.get(before)?.state === "running", "b knows of it");
  await a.vanish();
  const gone = performance.now();
  const after = await desk.submit("after");
  await until(() => worker.given.some(({ job }) => job === after), "an assignment by b");
  expect(performance.now() - gone).toBeLessThan(5_000);
  expect(b.leads()).toBe(true);
  expect(worker.given.map(({ job }) => job)).toEqual([before, after]);
  for (const each of worker.given) await worker.finish(each);
  await worker.leave();
});

test("a leader that starts anew gives nothing away that only the log says a worker has", async () => {
  await using broker = await connectBroker({ url: server.url, identity: "quiet" });
  const quiet = heartbeat("w3-aaaaaaaa", { total: 1 });
  await broker.publish(broker.subjects.workers.key(quiet.id), JSON.stringify(quiet));
  const placed = async (job: string) =>
    (await loggedAssignments(broker)).filter(({ key }) => key.startsWith(job)).length;
  const a = await startScheduler(server.url, "a");
  const before = await desk.submit("unheard");
  await until(async () => (await placed(before)) === 1, "an assignment by a");
  await a.vanish();

  await using worker = await startWorker(server.url, "w4-aaaaaaaa");
  await using _b = await startScheduler(server.url, "b");
  const after = await desk.submit("heard");
  const given = await until(() => worker.given[0], "an assignment by b");
  expect(given.job).toBe(after);
  expect(await placed(before)).toBe(1);
  await worker.finish(given);
  await worker.leave();
});

test("a leader that stops hands over at once", async () => {
  const a = await startScheduler(server.url, "a", 30_000);
  await until(() => a.leads(), "a leads");
  await using b = await startScheduler(server.url, "b", 30_000);
  await until(() => b.election.leader()?.scheduler === "a", "b sees a").catch(() => undefined);
  await a[Symbol.asyncDispose]();
  await until(() => b.leads(), "b leads", 3_000);
});

test("the append of a deposed leader is refused, and its fence says so", async () => {
  const { signal } = new AbortController();
  const old = createAssignLog(desk.broker, 1_000_000, 1);
  await old.fence(signal);
  expect(await old.append("w-aaaaaaaa", `{"v":1,"epoch":1000000,"items":[]}`).stored).toBe(true);
  const young = createAssignLog(desk.broker, 1_000_001, 1);
  await young.fence(signal);
  // the second expects just the sequence that the new leader's message has taken
  const refused = [1, 2].map((no) =>
    old.append("w-aaaaaaaa", `{"v":1,"epoch":1000000,"items":[],"no":${no}}`),
  );
  expect(await Promise.all(refused.map(({ stored }) => stored))).toEqual([false, false]);
  await expect(old.fence(signal)).rejects.toMatchObject({ code: "lost_race" });
  expect(await young.append("w-aaaaaaaa", `{"v":1,"epoch":1000001,"items":[]}`).stored).toBe(true);
});
