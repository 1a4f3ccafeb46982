// What the board answers: listings, totals and reasons.
import { expect, test } from "vitest";

import { createStage } from "./facts.ts";

test("jobs are listed newest first, page by page, while others come and go", () => {
  const stage = createStage();
  for (let i = 0; i < 10; i += 1) {
    stage.now += 1;
    stage.submit(`j${i}`);
  }
  const first = stage.board.list({ limit: 4 });
  expect(first.jobs.map(({ id }) => id)).toEqual(["j9", "j8", "j7", "j6"]);
  stage.now += 1;
  stage.submit("newer");
  stage.board.jobGone("j6", 100);
  const second = stage.board.list({ limit: 4, ...(first.next ? { before: first.next } : {}) });
  expect(second.jobs.map(({ id }) => id)).toEqual(["j5", "j4", "j3", "j2"]);
  const third = stage.board.list({ limit: 4, ...(second.next ? { before: second.next } : {}) });
  expect(third).toMatchObject({ jobs: [{ id: "j1" }, { id: "j0" }] });
  expect(third.next).toBeUndefined();
});

test("a job that is learned of late stands where it was submitted", () => {
  const stage = createStage();
  for (let i = 0; i < 500; i += 1) {
    stage.now += 1;
    stage.submit(`j${i}`);
  }
  stage.now -= 400;
  stage.submit("late");
  expect(
    stage.board.list({ limit: 1_000 }).jobs.findIndex(({ id }) => id === "late"),
  ).toBeGreaterThanOrEqual(399);
});

test("filters", () => {
  const stage = createStage();
  stage.submit("a", { queue: "q", labels: { team: "x" } });
  stage.submit("b", { handler: "mail", labels: { team: "y" } });
  stage.submit("c");
  stage.beat("w");
  stage.placeAndConfirm();
  const ids = (query: object) => stage.board.list({ limit: 10, ...query }).jobs.map(({ id }) => id);
  expect(ids({ state: "running" })).toEqual(["a"]);
  expect(ids({ worker: "w" })).toEqual(["a"]);
  expect(ids({ queue: "q" })).toEqual(["a"]);
  expect(ids({ handler: "mail" })).toEqual(["b"]);
  expect(ids({ label: { key: "team" } })).toEqual(["b", "a"]);
  expect(ids({ label: { key: "team", value: "x" } })).toEqual(["a"]);
});

test("depths follow every move", () => {
  const stage = createStage();
  stage.submit("a", { queue: "q" });
  stage.submit("b", { queue: "q" });
  stage.beat("w", { total: 4 });
  const depth = () => stage.board.queues().find(({ name }) => name === "q")?.depth;
  expect(depth()).toMatchObject({ queued: 2, running: 0 });
  const [a, b] = stage.placeAndConfirm();
  expect(depth()).toMatchObject({ queued: 0, running: 2 });
  if (a) stage.finish(a);
  if (b) stage.finish(b, 1);
  expect(depth()).toMatchObject({ queued: 0, running: 0, succeeded: 1, failed: 1 });
  stage.board.jobGone("a", 100);
  expect(depth()).toMatchObject({ succeeded: 0, failed: 1 });
  expect(stage.board.stats()).toMatchObject({
    jobs: { failed: 1 },
    workers: 1,
    slots: { total: 4, used: 0 },
  });
});

test("oldest waiting age looks at jobs that could start", () => {
  const stage = createStage();
  stage.submit("later", { delay: "1h" });
  stage.now += 10;
  stage.submit("now");
  expect(stage.board.queues()).toMatchObject([{ name: "default", oldestAt: stage.now }]);
});

test("why: each test says how many workers it removed", () => {
  const stage = createStage();
  stage.beat("a", { labels: { os: "linux", zone: "x" } });
  stage.beat("b", { labels: { os: "linux" } });
  stage.beat("c", { labels: { os: "mac" } });
  stage.submit("job", { require: ["os=linux", "zone=y"] });
  expect(stage.board.why("job", stage.now, 0)).toEqual({
    job: "job",
    reasons: [{ code: "no_match", constraints: ["os=linux", "zone=y"] }],
    workers: 3,
    filters: [
      { what: "os=linux", removed: 1 },
      { what: "zone=y", removed: 2 },
    ],
    ahead: 0,
  });
});

test("why: every reason", () => {
  const stage = createStage();
  const why = (id: string) => stage.board.why(id, stage.now, stage.mono)?.reasons;
  expect(why("nobody")).toBeUndefined();
  stage.submit("job");
  expect(why("job")).toEqual([{ code: "no_workers" }]);
  stage.beat("w", { total: 2 });
  expect(why("job")).toEqual([{ code: "next" }]);
  stage.submit("pinned", { worker: "gone" });
  expect(why("pinned")).toEqual([{ code: "worker_not_present", worker: "gone" }]);
  stage.submit("handler", { handler: "mail" });
  expect(why("handler")).toEqual([{ code: "no_such_handler", handler: "mail" }]);
  stage.submit("huge", { slots: 3 });
  expect(why("huge")).toEqual([{ code: "too_few_slots", needed: 3, largest: 2 }]);
  stage.submit("later", { delay: "1m" });
  expect(why("later")).toEqual([{ code: "not_before", at: stage.now + 60_000 }]);
  const [placement] = stage.placeAndConfirm();
  expect(why("job")).toEqual([{ code: "assigned", worker: "w", attempt: 1 }]);
  stage.submit("wide", { slots: 2 });
  expect(why("wide")).toEqual([{ code: "slots_in_pieces", needed: 2, mostFree: 1 }]);
  stage.submit("full", { queue: "q" });
  stage.placeAndConfirm();
  stage.submit("busy");
  expect(why("busy")).toEqual([{ code: "all_busy", workers: 1 }]);
  stage.submit("behind", { queue: "q" });
  stage.board.queueChanged("q", { paused: false, maxRunning: 1 });
  expect(why("behind")).toContainEqual({
    code: "queue_full",
    queue: "q",
    running: 1,
    maxRunning: 1,
  });
  stage.board.queueChanged("q", { paused: true });
  expect(why("behind")).toContainEqual({ code: "queue_paused", queue: "q" });
  stage.beat("w", { total: 2, cordoned: true });
  expect(why("busy")).toEqual([{ code: "not_accepting", cordoned: 1, draining: 0, quiet: 0 }]);
  stage.cancel("busy");
  expect(why("busy")).toEqual([{ code: "cancel_requested" }]);
  if (placement) stage.finish(placement);
  expect(why("job")).toEqual([{ code: "finished", state: "succeeded" }]);
});

test("why: position in the line, and the wait before a retry", () => {
  const stage = createStage();
  stage.submit("retry", { retry: { attempts: 2, backoff: { initial: "1m", jitter: 0 } } });
  stage.beat("w");
  const [placement] = stage.placeAndConfirm();
  if (placement) stage.finish(placement, 1);
  expect(stage.board.why("retry", stage.now, 0)?.reasons).toEqual([
    { code: "retry_backoff", at: stage.now + 60_000 },
  ]);
  for (const id of ["a", "b", "c"]) stage.submit(id, { require: ["none"] });
  stage.submit("urgent", { require: ["none"], priority: 9 });
  expect(stage.board.why("c", stage.now, 0)?.ahead).toBe(3);
});

test("watchers hear of their job until they are disposed", () => {
  const stage = createStage();
  const heard: string[] = [];
  const one = stage.board.watch("a", ({ id, gone }) => heard.push(`a:${id}:${gone}`));
  const all = stage.board.watch("*", ({ id, record }) => heard.push(`*:${id}:${record?.state}`));
  stage.submit("a");
  stage.submit("b");
  one[Symbol.dispose]();
  stage.board.jobGone("a", 9);
  all[Symbol.dispose]();
  stage.submit("c");
  expect(heard).toEqual(["a:a:false", "*:a:queued", "*:b:queued", "*:a:undefined"]);
});
