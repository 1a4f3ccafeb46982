// What becomes of attempts whose worker, assignment or leader went missing.
import { expect, test } from "vitest";

import { newJob } from "../../../../src/shared/job-machine.ts";
import { PRESENCE } from "../../../../src/shared/messages.ts";
import { createStage } from "./facts.ts";

test("silence counts from when the leader began to listen", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  stage.placeAndConfirm();
  stage.mono = PRESENCE.lostAfterMs + 5;
  expect(stage.board.lost(stage.mono, 10)).toEqual([]);
  stage.mono += 5;
  expect(stage.board.lost(stage.mono, 10)).toMatchObject([
    { job: "a", attempt: 1, worker: "w", cancelled: false },
  ]);
  stage.lose("a");
  expect(stage.board.lost(stage.mono, 10)).toEqual([]);
  stage.beat("v");
  expect(stage.place()).toMatchObject([{ job: "a", attempt: 2, worker: "v" }]);
});

test("commands are not blamed for a worker that died with a handler in it", () => {
  const stage = createStage();
  for (const id of ["with", "without"]) stage.beat(id, { total: 2, handlers: ["h"] });
  stage.submit("handler", { handler: "h", worker: "with" });
  stage.submit("beside", { worker: "with" });
  stage.submit("alone", { worker: "without" });
  stage.placeAndConfirm();
  for (const id of ["with", "without"]) stage.board.workerGone(id, "left");
  const blameless = stage.board.lost(0, 0).filter((loss) => loss.blameless);
  expect(blameless.map(({ job }) => job)).toEqual(["beside"]);
});

test("the death of a worker is noticed that was heard of in assignments only", () => {
  const stage = createStage();
  stage.submit("a");
  stage.board.assigned({ job: "a", attempt: 1, seq: 1 }, "ghost", 7, stage.now);
  stage.mono = PRESENCE.lostAfterMs;
  expect(stage.board.lost(stage.mono, 0)).toMatchObject([
    { job: "a", worker: "ghost", mayStillRun: true },
  ]);
});

test("a goodbye and a successor settle at once, an expired key does not", () => {
  const stage = createStage();
  for (const id of ["left", "expired", "old"]) {
    stage.beat(id);
    stage.submit(id, { worker: id });
  }
  stage.placeAndConfirm();
  stage.board.workerGone("left", "left");
  stage.board.workerGone("expired", "expired");
  stage.beat("new", { name: "old", replaces: ["old"] });
  expect(stage.board.lost(stage.mono, 0)).toMatchObject([
    { worker: "left", mayStillRun: false },
    { worker: "old", mayStillRun: false },
  ]);
  stage.submit("more", { worker: "expired" });
  expect(stage.placed()).toEqual([]);
});

test("an attempt that two beats in a row do not list is lost; one beat may be old", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  stage.placeAndConfirm();
  const held = [{ job: "a", attempt: 1, startedAt: 0 }];
  stage.beat("w", { lastAssign: 0 });
  stage.beat("w", { lastAssign: 0 });
  expect(stage.board.lost(0, 0)).toEqual([]);
  stage.beat("w", { lastAssign: 1 });
  stage.beat("w", { lastAssign: 1, held });
  stage.beat("w", { lastAssign: 1 });
  expect(stage.board.lost(0, 0)).toEqual([]);
  stage.beat("w", { lastAssign: 1 });
  expect(stage.board.lost(0, 0)).toMatchObject([{ job: "a", attempt: 1, worker: "w" }]);
});

test("a worker without a sign of its assignment is told of at the second look, until there is one", () => {
  const stage = createStage();
  for (const id of ["deaf", "runs", "beats", "gone"]) {
    stage.beat(id);
    stage.submit(id, { worker: id });
  }
  const given = stage.placeAndConfirm();
  expect(stage.board.unheard()).toEqual([]);
  const started = given.find(({ worker }) => worker === "runs");
  if (started) stage.start(started);
  stage.beat("beats", { lastAssign: stage.assignSeq });
  stage.board.workerGone("gone", "left");
  expect(stage.board.unheard()).toEqual(["deaf"]);
  expect(stage.board.unheard()).toEqual(["deaf"]);
  stage.beat("deaf", { lastAssign: stage.assignSeq });
  expect(stage.board.unheard()).toEqual([]);
});

test("an attempt held against the record takes a slot and is to be stopped, from the second beat on", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  const [placement] = stage.placeAndConfirm();
  if (placement) stage.finish(placement);
  const held = [{ job: "a", attempt: 1, startedAt: 0 }];
  stage.beat("w", { held, lastAssign: 1 });
  expect(stage.board.stops()).toEqual([]);
  stage.beat("w", { held, lastAssign: 1 });
  expect(stage.board.stops()).toEqual([{ job: "a", attempt: 1, worker: "w", why: "superseded" }]);
  stage.submit("b");
  expect(stage.placed()).toEqual([]);
  stage.beat("w", { lastAssign: 1 });
  expect(stage.board.stops()).toEqual([]);
  expect(stage.placed()).toEqual(["b@w"]);
});

test("an attempt that only its worker knows of is taken on, not given away again", () => {
  const stage = createStage();
  stage.submit("a");
  stage.beat("w", { total: 2, held: [{ job: "a", attempt: 1, startedAt: 5 }] });
  expect(stage.placed()).toEqual([]);
  expect(stage.board.get("a")).toMatchObject({ state: "running", worker: "w", attempt: 1 });
});

test("feeds may overtake each other", () => {
  const stage = createStage();
  stage.board.assigned({ job: "a", attempt: 1, seq: 1 }, "w", 1, stage.now);
  stage.beat("w", { total: 2 });
  stage.submit("a");
  expect(stage.board.get("a")).toMatchObject({ state: "running", worker: "w" });
  stage.submit("b");
  stage.start({ job: "b", attempt: 1, seq: 2, worker: "w" });
  expect(stage.board.worker("w", 0)?.slots).toEqual({ total: 2, used: 2, free: 0 });
  stage.board.assigned({ job: "b", attempt: 1, seq: 2 }, "w", 2, stage.now);
  expect(stage.board.worker("w", 0)?.slots.used).toBe(2);
  stage.finish({ job: "b", attempt: 1, seq: 2, worker: "w" });
  stage.board.assigned({ job: "b", attempt: 1, seq: 2 }, "w", 2, stage.now);
  expect(stage.board.worker("w", 0)?.slots.used).toBe(1);
});

test("an assignment of a job that is gone is forgotten", () => {
  const stage = createStage();
  stage.submit("x");
  stage.board.jobGone("x", 2);
  stage.board.assigned({ job: "x", attempt: 1, seq: 1 }, "w", 1, stage.now);
  expect(stage.board.get("x")).toBeUndefined();
  stage.beat("w");
  expect(stage.board.worker("w", 0)?.slots.used).toBe(0);
});

test("a repeated or older record changes nothing", () => {
  const stage = createStage();
  stage.submit("a");
  stage.beat("w");
  const [placement] = stage.placeAndConfirm();
  stage.board.jobChanged(newJob("a", { command: ["true"] }, stage.now), 1);
  expect(stage.board.get("a")?.state).toBe("running");
  if (placement) stage.finish(placement);
  stage.board.jobChanged(newJob("a", { command: ["true"] }, stage.now), 1);
  expect(stage.board.get("a")?.state).toBe("succeeded");
});

test("cancel: a waiting job is ended, an assigned one is stopped, a finished one is left alone", () => {
  const stage = createStage();
  stage.submit("waiting", { require: ["none"] });
  stage.submit("assigned");
  stage.beat("w");
  const [placement] = stage.placeAndConfirm();
  stage.cancel("waiting");
  stage.cancel("assigned");
  expect(stage.board.settlements(stage.now)).toMatchObject([
    { job: "waiting", how: "cancelled", intent: { actor: "me" } },
  ]);
  expect(stage.board.stops()).toEqual([
    { job: "assigned", attempt: 1, worker: "w", why: "cancelled" },
  ]);
  if (placement) stage.finish(placement);
  expect(stage.board.stops()).toEqual([]);
  expect(stage.board.leftovers()).toEqual(["assigned"]);
  stage.board.cancelChanged("assigned", undefined);
  expect(stage.board.leftovers()).toEqual([]);
});

test("a cancel that is seen before the record counts, and one that is withdrawn does not", () => {
  const stage = createStage();
  stage.cancel("a");
  stage.submit("a");
  stage.beat("w");
  expect(stage.placed()).toEqual([]);
  expect(stage.board.settlements(stage.now)).toMatchObject([{ job: "a" }]);
  stage.board.cancelChanged("a", undefined);
  expect(stage.board.settlements(stage.now)).toEqual([]);
  expect(stage.placed()).toEqual(["a@w"]);
});

test("a job expires unless it has started in time; a retry no longer can", () => {
  const stage = createStage();
  stage.submit("a", { startWithin: "5s" });
  stage.submit("b", { startWithin: "5s", retry: { attempts: 2, backoff: { initial: "0s" } } });
  expect(stage.board.nextDueAt()).toBe(stage.now + 5_000);
  stage.start({ job: "b", attempt: 1, seq: 2, worker: "w" });
  stage.finish({ job: "b", attempt: 1, seq: 2, worker: "w" }, 1);
  stage.now += 5_000;
  stage.beat("w", { total: 2 });
  expect(stage.placed()).toEqual(["b@w"]);
  expect(stage.board.settlements(stage.now)).toEqual([{ job: "a", how: "expired" }]);
  expect(stage.board.settlements(stage.now)).toEqual([{ job: "a", how: "expired" }]);
  stage.event("a", { type: "expired", at: stage.now });
  expect(stage.board.settlements(stage.now)).toEqual([]);
});

test("who handed an attempt back gets nothing until it has said how it stands", () => {
  const stage = createStage();
  stage.beat("w", { total: 2 });
  stage.submit("a");
  const [given] = stage.placeAndConfirm();
  stage.event("a", {
    type: "handed_back",
    at: stage.now,
    attempt: given?.attempt ?? 0,
    worker: "w",
    reason: "It was leaving.",
  });
  expect(stage.place()).toEqual([]);
  stage.beat("v");
  expect(stage.place()).toMatchObject([{ job: "a", attempt: 2, worker: "v" }]);
  stage.submit("b");
  expect(stage.place()).toEqual([]);
  stage.beat("w", { total: 2 });
  expect(stage.place()).toMatchObject([{ job: "b", worker: "w" }]);
});

test("a worker whose key is gone is shown no more once its last attempt is settled", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  stage.placeAndConfirm();
  stage.board.workerGone("w", "expired");
  expect(stage.board.workers(stage.mono)).toHaveLength(1);
  stage.lose("a");
  expect(stage.board.workers(stage.mono)).toEqual([]);
});
