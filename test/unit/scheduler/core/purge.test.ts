// Emptying a queue ends what waits in it, and only that.
import { expect, test } from "vitest";

import type { Placement } from "../../../../src/scheduler/core/board.ts";
import { createStage } from "./facts.ts";

test("what waits when a queue is purged is ended; what a worker has, comes back later or is submitted later is not", () => {
  const stage = createStage();
  stage.beat("w", { total: 2 });
  const retry = { attempts: 2, backoff: { initial: "0s" } };
  stage.submit("runs", { retry });
  stage.submit("refused");
  const [runs, refused] = stage.place();
  stage.confirm(runs as Placement);
  stage.submit("waits");
  stage.submit("delayed", { delay: "1h" });
  stage.submit("elsewhere", { queue: "other" });
  stage.board.queuePurged("default", { v: 1, upTo: stage.seq, at: 7, actor: "ann" });
  stage.submit("later");
  const ended = () => stage.board.settlements(stage.now).map(({ job }) => job);
  expect(ended().toSorted()).toEqual(["delayed", "waits"]);
  expect(stage.board.stops()).toEqual([]);
  stage.board.unplace(refused as Placement);
  expect(ended()).toContain("refused");
  expect(stage.board.settlements(stage.now)[0]).toMatchObject({
    how: "cancelled",
    intent: { actor: "ann", reason: "Queue default was purged." },
  });
  stage.finish(runs as Placement, 1);
  stage.now += 1;
  expect(ended()).not.toContain("runs");
  expect(stage.placed().toSorted()).toEqual(["elsewhere@w", "runs@w"]);
});

test("a mark that is heard before the records holds for those it speaks of", () => {
  const stage = createStage();
  stage.beat("w", { total: 9 });
  stage.board.queuePurged("default", { v: 1, upTo: 2, at: 7, actor: "ann" });
  for (const id of ["a", "b", "c"]) stage.submit(id);
  expect(stage.placed()).toEqual(["c@w"]);
});
