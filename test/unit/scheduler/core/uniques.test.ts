// One job for one unique key, whatever comes at the same time and in whatever order it is read back.
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { createBoard, type Placement } from "../../../../src/scheduler/core/board.ts";
import { createStage } from "./facts.ts";

const unique = { key: "report" };

test("the job stored first stands for its key; a later one is ended and never starts", () => {
  const stage = createStage();
  stage.beat("w", { total: 9 });
  stage.submit("first", { unique });
  stage.submit("second", { unique });
  stage.submit("other", { unique: { key: "other" } });
  expect(stage.board.uniqueHolder("report", stage.now)).toBe("first");
  expect(stage.board.originalOf("second")).toBe("first");
  expect(stage.board.originalOf("first")).toBeUndefined();
  const placed = stage.placeAndConfirm();
  expect(placed.map(({ job }) => job)).toEqual(["first", "other"]);
  stage.finish(placed[0] as Placement);
  expect(stage.placed()).toEqual([]);
  expect(stage.board.settlements(stage.now)).toMatchObject([
    {
      job: "second",
      how: "cancelled",
      intent: { reason: "Job first stands for the same unique key." },
    },
  ]);
});

test("a key is free once its job has finished or is gone, or when its time has passed", () => {
  const stage = createStage();
  stage.beat("w", { total: 9 });
  stage.submit("a", { unique });
  stage.finish(stage.placeAndConfirm()[0] as Placement);
  expect(stage.board.uniqueHolder("report", stage.now)).toBeUndefined();
  stage.submit("b", { unique: { key: "report", for: "1h" } });
  stage.finish(stage.placeAndConfirm()[0] as Placement);
  expect(stage.board.uniqueHolder("report", stage.now + 3_599_999)).toBe("b");
  expect(stage.board.uniqueHolder("report", stage.now + 3_600_000)).toBeUndefined();
  stage.submit("c", { unique });
  expect(stage.board.originalOf("c")).toBe("b");
  stage.board.jobGone("b", 100);
  expect(stage.board.uniqueHolder("report", stage.now)).toBeUndefined();
});

test("a namespace has keys of its own", () => {
  const stage = createStage();
  stage.submit("a", { unique });
  expect(stage.board.uniqueHolder("report", stage.now, "tenant")).toBeUndefined();
});

test("a job that somebody retries stands for its key again, and takes nothing from one that waits", () => {
  const stage = createStage();
  stage.beat("w");
  stage.submit("a", { unique });
  stage.finish(stage.placeAndConfirm()[0] as Placement);
  stage.submit("b", { unique });
  stage.event("a", { type: "retried", at: stage.now, actor: "me" });
  expect(stage.board.settlements(stage.now)).toEqual([]);
  stage.submit("c", { unique });
  expect(stage.board.originalOf("c")).toBeDefined();
});

test("read back in any order of their newest records, a duplicate is still one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.boolean(), (duplicates, started) => {
      const stage = createStage();
      stage.beat("w");
      stage.submit("original", { unique });
      for (let i = 0; i < duplicates; i += 1) {
        stage.now += 1;
        stage.submit(`d${i}`, { unique });
      }
      if (started) stage.start(stage.placeAndConfirm()[0] as Placement);
      const heir = createBoard();
      const records = [...stage.records.values()].toSorted((a, b) => a.seq - b.seq);
      for (const { record, seq } of records) heir.jobChanged(record, seq);
      const ended = heir.settlements(stage.now).map(({ job }) => job);
      expect(ended).toHaveLength(duplicates);
      expect(ended).not.toContain("original");
    }),
  );
});
