// The checker: a good history passes, and each thing that can be wrong is found when it is planted.
import { describe, expect, test } from "vitest";

import { check } from "../../../chaos/checker/check.ts";
import type { History, Observation } from "../../../chaos/checker/history.ts";
import { INVARIANTS, type Invariant } from "../../../chaos/checker/violation.ts";
import { cleanHistory } from "./clean-history.ts";
import { PLANTED } from "./planted.ts";

const found = (history: History) => new Set(check(history).map(({ invariant }) => invariant));

test("a history in which all went well passes", () => {
  expect(check(cleanHistory())).toEqual([]);
});

test("the order in which things were noted does not matter", () => {
  expect(check(cleanHistory().toReversed())).toEqual([]);
});

test("versions that nobody saw are no violation", () => {
  let records = 0;
  const thinned = cleanHistory().filter(
    (seen) => seen.kind !== "record" || isLast(seen) || (records += 1) % 2 === 0,
  );
  expect(thinned.length).toBeLessThan(cleanHistory().length);
  expect(check(thinned)).toEqual([]);
});

test("what killed all workers did not kill the later ones", () => {
  const history = cleanHistory();
  const first = Math.min(...history.flatMap((seen) => (seen.kind === "worker" ? [seen.at] : [])));
  expect(
    check([...history, { kind: "fault", at: first - 1, until: first, fault: "kill_everything" }]),
  ).toEqual([]);
  expect(
    found([
      ...history,
      { kind: "fault", at: first + 100, until: first + 200, fault: "kill_everything" },
    ]),
  ).toContain("outlived_worker");
});

/** What is found when the loss of the worker is told so much later than what was done to it. */
function lossAfter(fault: "kill_worker" | "pause_worker", ms: number) {
  const history = structuredClone(cleanHistory()) as Observation[];
  for (const seen of history) {
    if (seen.kind !== "fault" || seen.target !== "w3-id") continue;
    Object.assign(seen, { fault, at: seen.at - ms, until: seen.until - ms });
  }
  return found(history);
}

test("a killed worker's attempts may be lost at any later time, a frozen one's soon after", () => {
  expect(lossAfter("kill_worker", 500_000)).not.toContain("unexplained_loss");
  expect(lossAfter("pause_worker", 1_000)).not.toContain("unexplained_loss");
  expect(lossAfter("pause_worker", 500_000)).toContain("unexplained_loss");
});

test("a broker's absence is a reason to lose an attempt only for a job that asked for it", () => {
  const outage = { kind: "fault", at: 0, until: 10_000_000, fault: "kill_broker" } as const;
  const lossIn = (stopOnDisconnect?: string) => {
    const history = cleanHistory().filter((seen) => seen.kind !== "fault");
    for (const seen of history)
      if (seen.kind === "record" && stopOnDisconnect !== undefined)
        seen.record!.spec.stopOnDisconnect = stopOnDisconnect;
    return found([...history, outage]);
  };
  expect(lossIn()).toContain("unexplained_loss");
  expect(lossIn("3s")).not.toContain("unexplained_loss");
});

describe("what is planted is found", () => {
  test.each(Object.keys(INVARIANTS) as Invariant[])("%s", (invariant) => {
    expect(found(PLANTED[invariant](structuredClone(cleanHistory()) as Observation[]))).toContain(
      invariant,
    );
  });
});

function isLast(seen: Extract<Observation, { kind: "record" }>): boolean {
  return !cleanHistory().some(
    (other) => other.kind === "record" && other.job === seen.job && other.seq > seen.seq,
  );
}
