// Reservations as the board sees them: slots that are taken, and jobs that run inside.
import { expect, test } from "vitest";

import { newJob } from "../../../../src/shared/job-machine.ts";
import { obstacleOf } from "../../../../src/scheduler/reservations/grant.ts";
import { createStage } from "./facts.ts";

type Stage = ReturnType<typeof createStage>;

const reserve = (stage: Stage, id: string, slots = 1) =>
  stage.store(newJob(id, { slots }, stage.now, { origin: { holds: true } }));

function release(stage: Stage, id: string): void {
  const { worker } = stage.board.get(id) ?? {};
  stage.event(id, {
    type: "finished",
    at: stage.now,
    startedAt: stage.now,
    attempt: 1,
    worker: worker ?? "",
    ending: { outcome: "cancelled" },
    random: 0,
  });
}

test("jobs of a reservation run on its worker, in its slots, and take none besides", () => {
  const stage = createStage();
  stage.beat("a", { total: 4 });
  reserve(stage, "r", 2);
  const [held] = stage.placeAndConfirm();
  stage.beat("b", { total: 4 });
  for (const id of ["one", "two", "three"]) stage.submit(id, { reservation: "r" });
  stage.submit("wide", { reservation: "r", slots: 2 });
  expect(stage.placeAndConfirm().map(({ job, worker }) => `${job}@${worker}`)).toEqual([
    "one@a",
    "two@a",
  ]);
  expect(stage.board.worker("a", stage.mono)?.slots).toEqual({ total: 4, used: 2, free: 2 });
  stage.finish({ job: "one", attempt: 1, seq: 0, worker: "a" });
  expect(stage.placeAndConfirm().map(({ job }) => job)).toEqual(["three"]);
  stage.finish({ job: "two", attempt: 1, seq: 0, worker: "a" });
  expect(stage.placeAndConfirm()).toEqual([]);
  stage.finish({ job: "three", attempt: 1, seq: 0, worker: "a" });
  expect(stage.placeAndConfirm()).toMatchObject([{ job: "wide", worker: "a" }]);
  expect(held?.worker).toBe("a");
  expect(stage.board.within("r")).toEqual(["wide"]);
});

test("jobs wait for their reservation, and never run without it", () => {
  const stage = createStage();
  stage.submit("early", { reservation: "r" });
  stage.beat("a", { total: 1 });
  expect(stage.placeAndConfirm()).toEqual([]);
  reserve(stage, "r");
  expect(stage.placeAndConfirm().map(({ job }) => job)).toEqual(["r", "early"]);
  stage.finish({ job: "early", attempt: 1, seq: 0, worker: "a" });
  release(stage, "r");
  stage.submit("late", { reservation: "r" });
  stage.submit("other");
  expect(stage.placeAndConfirm().map(({ job }) => job)).toEqual(["other"]);
});

test("a slot that is freed as a request arrives is never missed, in 10,000 rounds", () => {
  const stage = createStage();
  stage.beat("a");
  reserve(stage, "r0");
  expect(stage.placeAndConfirm()).toHaveLength(1);
  for (let round = 1; round <= 10_000; round += 1) {
    const [before, next] = [`r${round - 1}`, `r${round}`];
    // the four ways in which the two and a look at the board can come together
    if (round % 4 === 0) release(stage, before);
    if (round % 4 === 1) stage.place();
    reserve(stage, next);
    if (round % 4 === 2) stage.place();
    if (round % 4 !== 0) release(stage, before);
    const placed = stage.placeAndConfirm().map(({ job, worker }) => `${job}@${worker}`);
    expect(placed).toEqual([`${next}@a`]);
    stage.board.jobGone(before, stage.seq + 1);
    stage.seq += 1;
  }
});

test("what is in the way of a reservation is one of the two waits, or the leader's business", () => {
  expect(obstacleOf(undefined)).toBe("none");
  expect(obstacleOf([{ code: "next" }])).toBe("none");
  expect(obstacleOf([{ code: "all_busy", workers: 1 }])).toBe("busy");
  expect(obstacleOf([{ code: "queue_paused", queue: "q" }])).toBe("busy");
  expect(obstacleOf([{ code: "no_workers" }])).toBe("noMatch");
  expect(obstacleOf([{ code: "no_match", constraints: ["gpu"] }])).toBe("noMatch");
});
