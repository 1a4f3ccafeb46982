// Recovery times, measured from a history.
import { expect, test } from "vitest";

import { measureRecovery } from "../../../chaos/checker/recovery.ts";
import { cleanHistory } from "./clean-history.ts";
import { createScribe } from "./scribe.ts";

test("a killed worker's job counts until it runs elsewhere", () => {
  const history = cleanHistory();
  const killed = history.find((seen) => seen.kind === "fault")!;
  const next = history.find(
    (seen) => seen.kind === "line" && seen.job === "lost" && seen.attempt === 2,
  )!;
  const took = next.at - killed.at;
  const figures = { count: 1, p50: took, p99: took, max: took };
  expect(measureRecovery(history)).toMatchObject({ ...figures, worker: figures });
});

test("a killed leader counts until the next one assigns, whatever of the old one's still arrives", () => {
  const { history, note, tick, tale } = createScribe();
  const kill = { kind: "fault", fault: "kill_scheduler" } as const;
  note({ kind: "assign", at: tick(), seq: 0, epoch: 1, items: [] });
  note({ ...kill, at: tick(), until: tick(), led: false });
  const leader = note({ ...kill, at: tick(), until: tick(), led: true });
  tale("late").assign(1, "w1-id", 1);
  const given = tale("job").assign(1, "w1-id", 2);
  expect(measureRecovery(history).leader).toMatchObject({ count: 1, max: given.at - leader.at });
});

test("a broker counts from its return until a submit is accepted, and a leader that was killed meanwhile not at all", () => {
  const { history, note, tick, tale } = createScribe();
  note({ kind: "fault", at: tick(), until: tick(), fault: "kill_scheduler", led: true });
  const broker = note({ kind: "fault", at: tick(), until: tick(500), fault: "kill_broker" });
  tale("job").assign(1, "w1-id");
  const accepted = history.find((seen) => seen.kind === "submit")!;
  const recovery = measureRecovery(history);
  expect(recovery.broker).toMatchObject({ count: 1, max: accepted.at - broker.until });
  expect(recovery.leader.count).toBe(0);
});

test("nothing happened, nothing is measured", () => {
  expect(measureRecovery([])).toMatchObject({ count: 0, p50: 0, p99: 0, max: 0 });
});
