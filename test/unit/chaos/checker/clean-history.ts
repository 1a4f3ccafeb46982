// A history with one job of every kind in which nothing is wrong.
import type { History } from "../../../chaos/checker/history.ts";
import { createScribe } from "./scribe.ts";

export function cleanHistory(): History {
  const scribe = createScribe();
  const { note, tick, tale } = scribe;
  for (const [name, zone] of [
    ["w1", "a"],
    ["w2", "b"],
    ["w3", "b"],
  ] as const)
    note({ kind: "worker", at: tick(), worker: `${name}-id`, name, slots: 2, labels: { zone } });
  note({ kind: "queue", at: tick(), queue: "narrow", maxRunning: 1 });
  note({ kind: "assign", at: tick(), seq: 0, epoch: 1, items: [] });

  const plain = tale("plain", { require: ["zone=a"], queue: "narrow" }, "key-plain");
  plain.assign(1, "w1-id");
  plain.start(1, "w1-id");
  plain.finish(1, "w1-id");
  note({
    kind: "submit",
    at: tick(),
    ref: "plain",
    key: "key-plain",
    answer: "accepted",
    job: "plain",
  });
  note({
    kind: "cancel",
    askedAt: tick(),
    at: tick(),
    job: "plain",
    answer: "refused",
    code: "job_finished",
  });

  const failing = tale("failing", { retry: { attempts: 2 } }, "key-failing");
  failing.assign(1, "w1-id");
  failing.start(1, "w1-id");
  failing.finish(1, "w1-id", { exitCode: 3 });
  tick(5_000);
  failing.assign(2, "w2-id");
  failing.start(2, "w2-id");
  failing.finish(2, "w2-id", { exitCode: 3 });
  failing.act({ type: "retried", at: tick(), actor: "api" });
  note({ kind: "retry", at: tick(), job: "failing", answer: "accepted" });
  failing.assign(3, "w2-id");
  failing.start(3, "w2-id");
  failing.finish(3, "w2-id");

  const lost = tale("lost");
  lost.assign(1, "w3-id");
  lost.start(1, "w3-id");
  note({ kind: "fault", at: tick(), until: tick(), fault: "kill_worker", target: "w3-id" });
  lost.lose(1, "w3-id");
  lost.assign(2, "w1-id", 2);
  lost.start(2, "w1-id");
  lost.finish(2, "w1-id");

  const cancelled = tale("cancelled", { slots: 2 });
  cancelled.assign(1, "w2-id", 2);
  cancelled.start(1, "w2-id");
  note({ kind: "cancel", askedAt: tick(), at: tick(), job: "cancelled", answer: "accepted" });
  cancelled.finish(1, "w2-id", { outcome: "cancelled" });

  const waited = tale("waited");
  const askedAt = tick();
  waited.act({ type: "cancelled", at: tick(), actor: "api", reason: "asked" });
  waited.act({ type: "retried", at: tick(), actor: "api" });
  note({ kind: "cancel", askedAt, at: tick(), job: "waited", answer: "accepted" });
  note({ kind: "retry", at: tick(), job: "waited", answer: "accepted" });
  tick(60_000);
  waited.assign(2, "w1-id", 2);
  waited.start(2, "w1-id");
  waited.finish(2, "w1-id");

  scribe.conclude(["w1-id", "w2-id"]);
  return scribe.history;
}
