// Who goes next, and where.
import { expect, test } from "vitest";

import { PATIENCE_MS } from "../../../../src/scheduler/core/reservations.ts";
import { createStage } from "./facts.ts";

test("a queued job goes to a free worker, once", () => {
  const stage = createStage();
  stage.submit("a");
  expect(stage.placed()).toEqual([]);
  stage.beat("w");
  expect(stage.place()).toEqual([{ job: "a", attempt: 1, seq: 1, worker: "w" }]);
  expect(stage.place()).toEqual([]);
});

test("priority goes first, then age, over all queues", () => {
  const stage = createStage();
  stage.submit("low", { priority: 1 });
  stage.submit("first", { queue: "x" });
  stage.now += 5;
  stage.submit("second", { queue: "y" });
  stage.submit("urgent", { priority: 9, queue: "z" });
  stage.beat("w", { total: 4 });
  expect(stage.place().map(({ job }) => job)).toEqual(["urgent", "first", "second", "low"]);
});

test("a job that comes back keeps its age", () => {
  const stage = createStage();
  stage.submit("old", { retry: { attempts: 2, backoff: { initial: "0s" } } });
  stage.beat("w");
  const [first] = stage.placeAndConfirm();
  stage.now += 10;
  stage.submit("young");
  if (first) stage.finish(first, 1);
  stage.now += 10;
  expect(stage.placed()).toEqual(["old@w"]);
});

test("a job that fits nowhere does not hold up the others", () => {
  const stage = createStage();
  stage.submit("gpu", { require: ["gpu"], priority: 9 });
  stage.submit("plain");
  stage.beat("w");
  expect(stage.placed()).toEqual(["plain@w"]);
});

test("needs decide: labels, pin by id and by name, handler, slots, protocol", () => {
  const stage = createStage();
  stage.beat("small", { name: "s", labels: { zone: "a" } });
  stage.beat("large", { total: 4, labels: { zone: "b" }, handlers: ["mail"] });
  stage.submit("label", { require: ["zone=b"] });
  stage.submit("name", { worker: "s" });
  stage.submit("handler", { handler: "mail" });
  stage.submit("slots", { slots: 2 });
  stage.submit("both", { require: ["zone=b", "gpu"] });
  stage.submit("nobody", { worker: "other" });
  expect(stage.placed()).toEqual(["label@large", "name@small", "handler@large", "slots@large"]);
  const old = createStage();
  old.beat("w", { protocol: 0 });
  old.submit("a");
  expect(old.placed()).toEqual([]);
});

test("what a worker announces later counts, what it no longer announces does not", () => {
  const stage = createStage();
  stage.submit("a", { handler: "mail" });
  stage.submit("b", { require: ["disk=fast"] });
  stage.beat("w", { total: 5 });
  expect(stage.placed()).toEqual([]);
  stage.beat("w", { total: 5, handlers: ["mail"], labels: { disk: "fast" } });
  expect(stage.placed()).toEqual(["a@w", "b@w"]);
  stage.beat("w", { total: 5 });
  stage.submit("c", { handler: "mail" });
  stage.submit("d", { require: ["disk=fast"] });
  expect(stage.placed()).toEqual([]);
});

test("affinity outweighs load, load outweighs turn, ties are spread", () => {
  const stage = createStage();
  for (const id of ["a", "b", "c"]) stage.beat(id, { total: 4, labels: { name: id } });
  for (let i = 0; i < 6; i += 1) stage.submit(`tie${i}`);
  const spread = stage.place().map(({ worker }) => worker);
  expect(spread.slice(0, 3).toSorted()).toEqual(["a", "b", "c"]);
  expect(spread.slice(3)).toEqual(spread.slice(0, 3));
  for (let i = 0; i < 3; i += 1)
    stage.submit(`liked${i}`, { prefer: ["name=b", { match: "name=c", weight: -5 }] });
  expect(stage.placed()).toEqual(["liked0@b", "liked1@b", "liked2@a"]);
});

test("a retry avoids the worker that failed when another fits, and takes it when none does", () => {
  const stage = createStage();
  stage.beat("a", { total: 9 });
  stage.submit("job", { retry: { attempts: 3, backoff: { initial: "0s" } } });
  const [first] = stage.placeAndConfirm();
  if (first) stage.finish(first, 1);
  expect(stage.placeAndConfirm()).toMatchObject([{ worker: "a", attempt: 2 }]);
  stage.finish({ job: "job", attempt: 2, seq: 0, worker: "a" }, 1);
  stage.beat("b");
  expect(stage.placed()).toEqual(["job@b"]);
});

test("no cordoned, draining or quiet worker gets anything until that is over", () => {
  for (const [before, after] of [
    [{ cordoned: true }, {}],
    [{ draining: true }, {}],
  ] as const) {
    const stage = createStage();
    stage.submit("a");
    stage.beat("w", before);
    expect(stage.placed()).toEqual([]);
    stage.beat("w", after);
    expect(stage.placed()).toEqual(["a@w"]);
  }
  const stage = createStage();
  stage.beat("w");
  stage.mono += 8_000;
  stage.submit("a");
  expect(stage.placed()).toEqual([]);
  stage.beat("w");
  expect(stage.placed()).toEqual(["a@w"]);
});

test("a paused or full queue holds its jobs back, and only its own", () => {
  const stage = createStage();
  stage.board.queueChanged("slow", { paused: true });
  stage.beat("w", { total: 9 });
  for (const id of ["s1", "s2"]) stage.submit(id, { queue: "slow", priority: 9 });
  stage.submit("other");
  expect(stage.placed()).toEqual(["other@w"]);
  stage.board.queueChanged("slow", { paused: false, maxRunning: 1 });
  const [running] = stage.placeAndConfirm();
  expect(running?.job).toBe("s1");
  expect(stage.placed()).toEqual([]);
  if (running) stage.finish(running);
  expect(stage.placed()).toEqual(["s2@w"]);
  stage.submit("s3", { queue: "slow" });
  stage.board.queueChanged("slow", undefined);
  expect(stage.placed()).toEqual(["s3@w"]);
});

test("a delayed job waits for its instant", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("later", { delay: "10s" });
  expect(stage.placed()).toEqual([]);
  expect(stage.board.nextDueAt()).toBe(stage.now + 10_000);
  stage.now += 10_000;
  expect(stage.placed()).toEqual(["later@w"]);
  expect(stage.board.nextDueAt()).toBeUndefined();
});

test("a refused placement gives back its slot and its place in the line", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  stage.now += 1;
  stage.submit("b");
  const [placement] = stage.place();
  if (placement) stage.board.unplace(placement);
  expect(stage.placed()).toEqual(["a@w"]);
});

test("a confirmed placement is not taken back", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a");
  const [placement] = stage.placeAndConfirm();
  if (placement) stage.board.unplace(placement);
  expect(stage.placed()).toEqual([]);
});

test("a large job is overtaken for a while only, and never holds up a higher priority", () => {
  const stage = createStage();
  stage.beat("w", { total: 2 });
  stage.submit("s0");
  stage.submit("s1");
  const small = stage.placeAndConfirm();
  stage.submit("large", { slots: 2 });
  stage.submit("s2");
  stage.now += 1;
  stage.submit("s3");
  if (small[0]) stage.finish(small[0]);
  const [s2] = stage.placeAndConfirm();
  expect(s2?.job).toBe("s2");
  stage.now += PATIENCE_MS;
  if (s2) stage.finish(s2);
  expect(stage.placed()).toEqual([]);
  expect(stage.board.why("s3", stage.now, stage.mono)?.reasons).toEqual([
    { code: "worker_kept", priority: 5 },
  ]);
  stage.submit("urgent", { priority: 6 });
  const [urgent] = stage.placeAndConfirm();
  expect(urgent?.job).toBe("urgent");
  if (urgent) stage.finish(urgent);
  if (small[1]) stage.finish(small[1]);
  const [large] = stage.placeAndConfirm();
  expect(large?.job).toBe("large");
  if (large) stage.finish(large);
  expect(stage.placed()).toEqual(["s3@w"]);
});

test("a worker is no longer kept when the large job is cancelled", () => {
  const stage = createStage();
  stage.beat("w", { total: 2 });
  stage.submit("s0");
  stage.placeAndConfirm();
  stage.submit("large", { slots: 2 });
  stage.place();
  stage.now += PATIENCE_MS;
  stage.beat("w", { total: 2, labels: { changed: "yes" } });
  stage.place();
  stage.submit("s1");
  expect(stage.placed()).toEqual([]);
  stage.cancel("large");
  expect(stage.placed()).toEqual(["s1@w"]);
});
