// A leader when workers die, brokers restart or freeze, and others believe that they lead too.
import { afterAll, beforeAll, expect, test } from "vitest";

import { connectBroker } from "../../../src/shared/io/broker.ts";
import { createJobStore } from "../../../src/shared/io/job-store.ts";
import { PRESENCE } from "../../../src/shared/messages.ts";
import { lead } from "../../../src/scheduler/leader.ts";
import { createReplica } from "../../../src/scheduler/replica.ts";
import { startBroker, type TestBroker } from "../../lab/broker.ts";
import { until } from "../../lab/until.ts";
import { loggedAssignments, repeated } from "./assignments.ts";
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

async function allSucceeded(ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await until(async () => (await desk.stateOf(id)) === "succeeded", `success of ${id}`, 20_000);
}

test("what a worker leaves behind runs elsewhere at once; what a silent one has, after its time", async () => {
  await using scheduler = await startScheduler(server.url, "a");
  await using polite = await startWorker(server.url, "polite-aaaaaaaa");
  const silent = await startWorker(server.url, "silent-aaaaaaaa");
  const first = await desk.submit("left", { worker: "polite-aaaaaaaa" });
  const second = await desk.submit("silent", { worker: "silent-aaaaaaaa" });
  await until(() => polite.given.length === 1 && silent.given.length === 1, "both are assigned");
  await polite.leave();
  const lossesOf = async (id: string) => (await desk.store.read(id))?.record.losses;
  await until(async () => (await lossesOf(first)) === 1, "the loss of what was left", 2_000);
  await silent[Symbol.asyncDispose]();
  const gone = performance.now();
  await until(
    async () => (await lossesOf(second)) === 1,
    "the loss of what the silent one had",
    15_000,
  );
  expect(performance.now() - gone).toBeGreaterThan(PRESENCE.lostAfterMs - 1_500);
  expect(scheduler.replica.board.get(second)).toMatchObject({ state: "queued", attempt: 1 });
  for (const id of [first, second])
    await desk.store.requestCancel(id, { v: 1, at: 0, actor: "test", reason: "done" });
  for (const id of [first, second])
    await until(async () => (await desk.stateOf(id)) === "cancelled", "cancelled");
});

test("a cancelled attempt is asked to stop until its end is recorded; the intent is cleared then", async () => {
  await using scheduler = await startScheduler(server.url, "a");
  await using worker = await startWorker(server.url, "w1-aaaaaaaa");
  const id = await desk.submit("cancelled");
  const given = await until(() => worker.given[0], "an assignment");
  await desk.store.requestCancel(id, { v: 1, at: 0, actor: "test", reason: "no longer wanted" });
  await until(() => worker.asked.length >= 2, "two requests");
  expect(worker.asked[0]).toEqual({ type: "stop", job: id, attempt: 1, why: "cancelled" });
  await worker.finish(given);
  await until(
    () => scheduler.replica.board.get(id)?.cancelRequested === false,
    "the intent is gone",
  );
  expect(await desk.stateOf(id)).toBe("succeeded");
  await worker.leave();
});

test("appends that time out are looked up, not repeated", async () => {
  await using scheduler = await startScheduler(server.url, "a", 30_000);
  await using worker = await startWorker(server.url, "f1-aaaaaaaa", { total: 50, instant: true });
  await until(() => scheduler.leads(), "a leads");
  const submits = Array.from({ length: 50 }, (_, i) => desk.submit(`frozen${i}`));
  await until(() => worker.given.length > 0, "the first assignment");
  await server.pause();
  setTimeout(() => void server.resume(), 3_000);
  const ids = await Promise.all(submits);
  await allSucceeded(ids);
  expect(repeated(await loggedAssignments(desk.broker))).toEqual([]);
  await worker.leave();
});

test("a restart of the broker costs no job and no worker", async () => {
  await using scheduler = await startScheduler(server.url, "a");
  await using worker = await startWorker(server.url, "b1-aaaaaaaa", { total: 2 });
  const running = await desk.submit("running");
  const given = await until(() => worker.given[0], "an assignment");
  const waiting = await desk.submit("waiting", { slots: 2 });
  await server.kill();
  await server.restart();
  await until(() => scheduler.replica.board.worker(worker.id, 0), "the worker is known");
  await until(() => worker.finish(given).then(() => true), "the result is stored");
  const next = await until(() => worker.given[1], "the next assignment", 20_000);
  expect(next.job).toBe(waiting);
  await worker.finish(next);
  await until(async () => (await desk.stateOf(waiting)) === "succeeded", "both have ended");
  expect((await desk.store.read(running))?.record).toMatchObject({
    state: "succeeded",
    losses: 0,
    attempt: 1,
  });
  await worker.leave();
});

// the last: its epochs are higher than those that follow from the lease
test("racing leaders never give an attempt away twice, and every job ends", async () => {
  const stop = new AbortController();
  await using w1 = await startWorker(server.url, "r1-aaaaaaaa", { total: 20, instant: true });
  await using w2 = await startWorker(server.url, "r2-aaaaaaaa", { total: 20, instant: true });
  const racers = ["x", "y", "z"].map(async (id, i) => {
    await using broker = await connectBroker({ url: server.url, identity: id });
    const replica = createReplica({ broker });
    const store = createJobStore(broker);
    const running = replica.run(stop.signal);
    await until(() => replica.isWarm(), "a warm replica");
    // each takes the log over from the others, again and again, as if all leases had failed
    for (let epoch = 1_000 + i; !stop.signal.aborted; epoch += 3)
      await lead(
        { broker, replica, store },
        { v: 1, scheduler: id, epoch, since: 0 },
        AbortSignal.any([stop.signal, AbortSignal.timeout(150)]),
        () => true,
      ).catch(() => undefined);
    await running;
  });
  const terms = new Set<number>();
  try {
    for (let wave = 0; terms.size < 12 && wave < 200; wave += 1) {
      const submits = Array.from({ length: 30 }, (_, i) => desk.submit(`race${wave}x${i}`));
      await allSucceeded(await Promise.all(submits));
      for (const { epoch } of await loggedAssignments(desk.broker)) terms.add(epoch);
    }
  } finally {
    stop.abort();
    await Promise.all(racers);
  }
  expect(terms.size).toBeGreaterThanOrEqual(12);
  expect(repeated(await loggedAssignments(desk.broker))).toEqual([]);
  await w1.leave();
  await w2.leave();
});
