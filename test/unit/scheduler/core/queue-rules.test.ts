// What queues are set up to do: limits per key, rates, turns of keys, ageing, versions of handlers.
import { expect, test } from "vitest";

import type { QueueSettings } from "../../../../src/shared/queue-settings.ts";
import { createBoard, type Placement } from "../../../../src/scheduler/core/board.ts";
import { createStage, heartbeat } from "./facts.ts";

const QUEUE = "default";

const jobs = (placements: Placement[]) => placements.map(({ job }) => job);

function stageWith(settings: Partial<QueueSettings>, total = 9) {
  const stage = createStage();
  stage.board.queueChanged(QUEUE, { paused: false, ...settings });
  stage.beat("w", { total });
  const reasons = (id: string) => stage.board.why(id, stage.now, stage.mono)?.reasons;
  return { ...stage, stage, reasons };
}

test("a key at its limit waits for its own attempts only, and says for which", () => {
  const { stage, submit, reasons } = stageWith({ perKey: {} });
  submit("a1", { key: "a" });
  submit("a2", { key: "a" });
  submit("b1", { key: "b" });
  submit("free");
  const placed = stage.placeAndConfirm();
  expect(jobs(placed).toSorted()).toEqual(["a1", "b1", "free"]);
  expect(reasons("a2")).toEqual([
    { code: "key_busy", key: "a", running: 1, limit: 1, jobs: ["a1"] },
  ]);
  stage.finish(placed.find(({ job }) => job === "b1") as Placement);
  expect(stage.placed()).toEqual([]);
  stage.finish(placed.find(({ job }) => job === "a1") as Placement);
  expect(stage.placed()).toEqual(["a2@w"]);
});

test("a permit is a claim: it comes back with a refusal, a hand back, a lost worker and a removed job", () => {
  const { stage, submit } = stageWith({ perKey: { limit: 1 } });
  submit("a1", { key: "a" });
  submit("a2", { key: "a" });
  const [refused] = stage.place();
  stage.board.unplace(refused as Placement);
  const [given] = stage.placeAndConfirm();
  expect(given?.job).toBe("a1");
  stage.event("a1", { type: "handed_back", at: 1, attempt: 1, worker: "w", reason: "drain" });
  stage.beat("w", { total: 9 });
  const [again] = stage.placeAndConfirm();
  expect(again?.job).toBe("a1");
  stage.lose("a1", { attempt: 2, cancelled: true });
  expect(stage.placed()).toEqual(["a2@w"]);
});

test("a limit that is raised, lowered or taken away counts at once", () => {
  const { stage, submit } = stageWith({ perKey: { limit: 1 } });
  for (const id of ["1", "2", "3", "4"]) submit(id, { key: "a" });
  const [first] = stage.placeAndConfirm();
  stage.board.queueChanged(QUEUE, { paused: false, perKey: { limit: 2 } });
  expect(stage.placeAndConfirm()).toHaveLength(1);
  stage.board.queueChanged(QUEUE, { paused: false, perKey: { limit: 1 } });
  stage.finish(first as Placement);
  expect(stage.placed()).toEqual([]);
  stage.board.queueChanged(QUEUE, { paused: false });
  expect(stage.place()).toHaveLength(2);
});

test("a job of a key that is retried by hand counts again", () => {
  const { stage, submit } = stageWith({ perKey: { limit: 1 } });
  submit("a1", { key: "a" });
  const [first] = stage.placeAndConfirm();
  stage.finish(first as Placement, 1);
  stage.event("a1", { type: "retried", at: stage.now, actor: "me" });
  expect(stage.placeAndConfirm()).toMatchObject([{ job: "a1", attempt: 2 }]);
  submit("a2", { key: "a" });
  expect(stage.placed()).toEqual([]);
});

test("keys take turns: many jobs of one do not hold up another", () => {
  const { stage, submit } = stageWith({}, 1);
  for (let i = 0; i < 100; i += 1) submit(`many${i}`, { key: "many" });
  stage.now += 10;
  submit("one", { key: "one" });
  const order: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    const [placement] = stage.placeAndConfirm();
    order.push(placement?.job ?? "");
    stage.finish(placement as Placement);
    stage.now += 10;
  }
  expect(order).toEqual(["many0", "one", "many1"]);
});

test("keys take turns over their shapes and within one instant", () => {
  const { stage, submit } = stageWith({}, 4);
  for (let i = 0; i < 9; i += 1) submit(`a${i}`, { key: "a" });
  submit("b0", { key: "b", require: ["!gpu"] });
  submit("b1", { key: "b" });
  expect(stage.placed()).toEqual(["a0@w", "b0@w", "a1@w", "b1@w"]);
});

test("waiting raises the priority step by step, for large jobs that are kept a worker, too", () => {
  const { stage, submit } = stageWith({ ageing: "10s" }, 1);
  submit("low", { priority: 3 });
  stage.now += 19_999;
  submit("urgent1", { priority: 5 });
  expect(stage.placed()).toEqual(["urgent1@w"]);
  const second = stageWith({ ageing: "10s" }, 1);
  second.submit("low", { priority: 3 });
  second.stage.now += 20_000;
  second.submit("urgent", { priority: 5 });
  expect(second.stage.placed()).toEqual(["low@w"]);
});

test("a job that was retried or delayed has not waited since its submit", () => {
  const { stage, submit } = stageWith({ ageing: "10s" }, 1);
  submit("later", { priority: 3, delay: "1h" });
  stage.now += 3_600_000;
  submit("normal");
  expect(stage.placed()).toEqual(["normal@w"]);
});

test("a rate holds jobs back until enough time has passed, and says until when", () => {
  const { stage, submit, reasons } = stageWith({ rate: { limit: 2, per: "10s" } });
  for (let i = 0; i < 5; i += 1) submit(`j${i}`);
  expect(jobs(stage.placeAndConfirm())).toEqual(["j0", "j1"]);
  expect(stage.board.nextDueAt()).toBe(stage.now + 10_000);
  expect(reasons("j2")).toEqual([
    { code: "rate_limited", queue: QUEUE, limit: 2, perMs: 10_000, at: stage.now + 10_000 },
  ]);
  stage.now += 9_999;
  expect(stage.place()).toEqual([]);
  stage.now += 1;
  expect(jobs(stage.placeAndConfirm())).toEqual(["j2", "j3"]);
  stage.board.queueChanged(QUEUE, { paused: false });
  expect(stage.placed()).toEqual(["j4@w"]);
});

test("a refused placement does not count against the rate", () => {
  const { stage, submit } = stageWith({ rate: { limit: 1, per: "10s" } });
  submit("j");
  stage.board.unplace(stage.place()[0] as Placement);
  expect(stage.placed()).toEqual(["j@w"]);
});

test("a new leader counts what the last one started, also of jobs that are over or gone", () => {
  const { stage, submit } = stageWith({ rate: { limit: 2, per: "10s" } });
  submit("over");
  submit("gone");
  const placed = stage.placeAndConfirm();
  const heir = createBoard();
  heir.queueChanged(QUEUE, { paused: false, rate: { limit: 2, per: "10s" } });
  stage.finish(placed[0] as Placement);
  heir.jobChanged(stage.record("over"), stage.seq);
  for (const [i, item] of placed.entries())
    heir.assigned({ ...item, queue: QUEUE }, "w", i + 1, stage.now);
  heir.beat(heartbeat("w", { total: 9 }), 0);
  stage.submit("next");
  heir.jobChanged(stage.record("next"), stage.seq);
  expect(heir.place(stage.now + 9_999, 0, 9)).toEqual([]);
  expect(heir.nextDueAt()).toBe(stage.now + 10_000);
  expect(heir.place(stage.now + 10_000, 0, 9)).toHaveLength(1);
});

test("a job waits for a worker with the version that it asks for", () => {
  const { stage, submit, reasons } = stageWith({});
  stage.beat("old", { handlers: ["resize@1.9.0"] });
  stage.beat("plain", { handlers: ["resize"] });
  submit("new", { handler: "resize@^2" });
  expect(stage.placed()).toEqual([]);
  expect(reasons("new")).toEqual([
    { code: "no_such_version", handler: "resize@^2", announced: ["resize", "resize@1.9.0"] },
  ]);
  stage.beat("new", { handlers: ["resize@2.0.3"] });
  expect(stage.placed()).toEqual(["new@new"]);
  submit("old", { handler: "resize@<2" });
  expect(stage.placed()).toEqual(["old@old"]);
  submit("any", { handler: "resize" });
  expect(stage.placed()).toEqual(["any@plain"]);
});
