// A group's standing follows from its record and its jobs alone.
import { describe, expect, it } from "vitest";

import { parseGroupSpec, type GroupRecord, type NeedCondition } from "../../../src/shared/group.ts";
import { begun, cancelled, newGroup, retried } from "../../../src/shared/group-machine.ts";
import { childOrigin, childSpec, valuesAt } from "../../../src/shared/group-plan.ts";
import {
  noCounts,
  settled,
  standingOf,
  type MemberState,
  type Tally,
} from "../../../src/shared/group-progress.ts";

const spec = { command: ["true"] };
const member = (name: string, ...needs: (string | { member: string; on: NeedCondition })[]) => ({
  name,
  spec,
  ...(needs.length === 0 ? {} : { needs }),
});

function group(members: object[], more: object = {}): GroupRecord {
  return newGroup("g".repeat(20), parseGroupSpec({ members, ...more }), 1_000);
}

type Tallies = Record<string, Partial<Tally>>;
const tallies = (of: Tallies) => (name: string) => ({ ...noCounts(), stale: 0, ...of[name] });
const stand = (record: GroupRecord, of: Tallies = {}) => standingOf(record, tallies(of));

const states = (record: GroupRecord, of: Tallies = {}): Record<string, MemberState> =>
  Object.fromEntries(stand(record, of).members.map((one) => [one.member.name, one.state]));

const settle = (record: GroupRecord, of: Tallies) => settled(record, stand(record, of), 9_000);

describe("the jobs of an array", () => {
  it("are all combinations, the last dimension fastest", () => {
    const matrix = { os: ["a", "b"], level: [1, 2, 3] };
    const all = Array.from({ length: 6 }, (_, index) =>
      Object.values(valuesAt(matrix, index)).join(""),
    );
    expect(all).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"]);
  });

  it("know their place, run on the chosen worker and are kept long enough", () => {
    const record: GroupRecord = {
      ...group([{ name: "each", spec: { ...spec, retention: "1s" }, onEvery: [] }], {
        labels: { team: "x" },
      }),
      members: { each: { chosen: ["north", "south"] } },
    };
    const each = record.spec.members[0]!;
    expect(childSpec(record, each, 1)).toEqual({
      ...spec,
      worker: "south",
      labels: { team: "x" },
      retention: "1h",
    });
    expect(childOrigin(record, each, 1).group).toEqual({
      id: record.id,
      member: "each",
      index: 1,
      count: 2,
    });
  });
});

describe("the standing of members", () => {
  const NEEDS = [
    member("a"),
    ...(["success", "failure", "always", "any"] as const).map((on) =>
      member(on, { member: "a", on }),
    ),
  ];

  it.each<[string, Partial<Tally>, object]>([
    [
      "runs",
      { running: 1 },
      { success: "waiting", failure: "waiting", always: "waiting", any: "waiting" },
    ],
    [
      "succeeds",
      { succeeded: 1 },
      { success: "running", failure: "skipped", always: "running", any: "running" },
    ],
    [
      "fails",
      { failed: 1 },
      { success: "skipped", failure: "running", always: "running", any: "skipped" },
    ],
    [
      "expires",
      { expired: 1 },
      { success: "skipped", failure: "running", always: "running", any: "skipped" },
    ],
    [
      "is cancelled",
      { cancelled: 1 },
      { success: "skipped", failure: "skipped", always: "running", any: "skipped" },
    ],
  ])("follows when the needed one %s", (_what, a, expected) => {
    expect(states(group(NEEDS), { a })).toMatchObject(expected);
  });

  it("goes on with any as soon as one of many has succeeded", () => {
    const record = group([{ ...member("a"), count: 3 }, member("b", { member: "a", on: "any" })]);
    expect(states(record, { a: { running: 2, succeeded: 1 } })).toEqual({
      a: "running",
      b: "running",
    });
  });

  it("skips what can never be met, and what waits for that", () => {
    const record = group([
      member("a"),
      member("b", "a"),
      member("c", "b"),
      member("d", { member: "c", on: "always" }),
    ]);
    expect(states(record, { a: { failed: 1 } })).toMatchObject({
      b: "skipped",
      c: "skipped",
      d: "running",
    });
  });

  it("opens nothing while the group waits for its turn", () => {
    const record = newGroup("g".repeat(20), parseGroupSpec({ members: [member("a")] }), 0, {
      exclusive: { key: "k", policy: "queue" },
    });
    expect(states(record)).toEqual({ a: "waiting" });
    expect(states(begun(record, 1))).toEqual({ a: "running" });
  });

  it("asks for workers before jobs, and fails where there are none", () => {
    const record = group([{ ...member("a"), onEvery: ["gpu"] }]);
    expect(stand(record).members[0]).toMatchObject({ choosing: true, missing: 0 });
    const chosen = { ...record, members: { a: { chosen: ["n"] } } };
    expect(stand(chosen).members[0]).toMatchObject({ choosing: false, missing: 1 });
    expect(states({ ...record, members: { a: { chosen: [] } } })).toEqual({ a: "failed" });
  });

  it("takes a removed job whose end nobody saw for failed, once all were made", () => {
    const record = group([{ ...member("a"), count: 2 }]);
    expect(stand(record, { a: { succeeded: 1 } }).members[0]).toMatchObject({
      state: "running",
      missing: 1,
    });
    const made = { ...record, members: { a: { made: true as const } } };
    expect(states(made, { a: { succeeded: 1 } })).toEqual({ a: "failed" });
  });
});

describe("the outcome", () => {
  const three = [{ ...member("a"), count: 3 }];
  it.each<[object, Partial<Tally>, string]>([
    [{}, { succeeded: 3 }, "succeeded"],
    [{}, { succeeded: 2, failed: 1 }, "failed"],
    [{}, { succeeded: 2, cancelled: 1 }, "cancelled"],
    [{ outcome: "any" }, { succeeded: 1, failed: 2 }, "succeeded"],
    [{ outcome: "any" }, { failed: 3 }, "failed"],
    [{ outcome: { percent: 60 } }, { succeeded: 2, failed: 1 }, "succeeded"],
    [{ outcome: { percent: 70 } }, { succeeded: 2, failed: 1 }, "failed"],
    [{ outcome: { percent: 0 } }, { failed: 3 }, "failed"],
  ])("with %j of %j is right", (policy, a, expected) => {
    expect(settle(group(three, policy), { a }).state).toBe(expected);
  });

  it("never calls a group a success whose jobs all failed", () => {
    for (const outcome of ["all", "any", { percent: 0 }, { percent: 1 }])
      expect(settle(group(three, { outcome }), { a: { failed: 3 } }).state).toBe("failed");
  });

  it("says which members failed", () => {
    const record = group([member("a"), member("b")]);
    expect(settle(record, { a: { failed: 1 }, b: { succeeded: 1 } }).reason).toBe("Failed: a.");
  });

  it("is noted with what each member came to, and once only", () => {
    const over = settle(group(three), { a: { succeeded: 3 } });
    expect(over).toMatchObject({ state: "succeeded", finishedAt: 9_000 });
    expect(over.members["a"]?.ended).toEqual({
      state: "succeeded",
      counts: { ...noCounts(), succeeded: 3 },
    });
    expect(settle(over, {})).toBe(over);
  });
});

describe("cancelling", () => {
  const wish = { at: 2_000, actor: "me", reason: "enough" };
  it("begins nothing more, and the rest becomes cancelled", () => {
    const record = cancelled(group([{ ...member("a"), count: 4 }, member("b", "a")]), wish);
    expect(stand(record, { a: { running: 1, succeeded: 1 } }).members[0]).toMatchObject({
      state: "running",
      missing: 0,
    });
    const over = settle(record, { a: { cancelled: 1, succeeded: 1 } });
    expect(over).toMatchObject({ state: "cancelled", reason: "enough" });
  });

  it("is asked once, and not of what is over", () => {
    const record = cancelled(group([member("a")]), wish);
    expect(cancelled(record, { ...wish, reason: "again" })).toBe(record);
    const over = settle(record, { a: { cancelled: 1 } });
    expect(() => cancelled(over, wish)).toThrow("already");
  });
});

describe("trying again", () => {
  const again = { at: 20_000, actor: "me", upTo: 77 };
  const pipeline = group([
    member("a"),
    member("b", "a"),
    member("c", { member: "a", on: "failure" }),
  ]);

  it("keeps what succeeded and looks again at what failed or was skipped", () => {
    const failed = settle(pipeline, { a: { succeeded: 1 }, b: { failed: 1 } });
    expect(failed).toMatchObject({
      state: "failed",
      members: { c: { ended: { state: "skipped" } } },
    });
    const record = retried(failed, again);
    expect(record).toMatchObject({ state: "running", retryUpTo: 77, series: 1, startedAt: 20_000 });
    expect(record.finishedAt).toBeUndefined();
    expect(states(record, { b: { failed: 1, stale: 1 } })).toEqual({
      a: "succeeded",
      b: "running",
      c: "skipped",
    });
    expect(settle(record, { b: { succeeded: 1 } }).state).toBe("succeeded");
  });

  it("chooses workers anew where there were none", () => {
    const record = {
      ...group([{ ...member("a"), onEvery: ["gpu"] }]),
      members: { a: { chosen: [] } },
    };
    const next = retried(settle(record, {}), again);
    expect(stand(next).members[0]).toMatchObject({ choosing: true });
  });

  it("is refused while it runs and when nothing failed", () => {
    expect(() => retried(pipeline, again)).toThrow("not finished");
    const fine = settle(pipeline, { a: { succeeded: 1 }, b: { succeeded: 1 } });
    expect(() => retried(fine, again)).toThrow("nothing");
  });
});
