// Why a job has not started, where a leader has not got to it yet or a reservation holds it up.
import { expect, test } from "vitest";

import { newJob } from "../../../../src/shared/job-machine.ts";
import { createStage } from "./facts.ts";

type Stage = ReturnType<typeof createStage>;

const codes = ({ board, now, mono }: Stage, id: string) =>
  board.why(id, now, mono)?.reasons.map(({ code }) => code);

test("a job of a queue that was purged is about to end", () => {
  const stage = createStage();
  stage.submit("old", {});
  stage.board.queuePurged("default", { v: 1, at: stage.now, actor: "me", upTo: stage.seq });
  expect(stage.board.why("old", stage.now, stage.mono)?.reasons).toEqual([
    { code: "purged", queue: "default" },
  ]);
});

test("a duplicate names the job that stands for its key", () => {
  const stage = createStage();
  for (const id of ["first", "second"]) stage.submit(id, { unique: { key: "k" } });
  expect(stage.board.why("second", stage.now, stage.mono)?.reasons).toEqual([
    { code: "duplicate", of: "first" },
  ]);
  expect(codes(stage, "first")).toEqual(["no_workers"]);
});

test("a job of a reservation waits for its worker, then for slots of it", () => {
  const stage = createStage();
  stage.beat("a", { total: 4 });
  stage.submit("one", { reservation: "r" });
  expect(codes(stage, "one")).toEqual(["reservation_waiting"]);
  stage.store(newJob("r", { slots: 1 }, stage.now, { origin: { holds: true } }));
  stage.placeAndConfirm();
  stage.submit("two", { reservation: "r" });
  expect(codes(stage, "two")).toEqual(["reservation_busy"]);
});
