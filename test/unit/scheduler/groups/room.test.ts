// Jobs of groups keep to what their queues say: they are made later, never too many, and never dropped.
import { describe, expect, it } from "vitest";

import { retried } from "../../../../src/shared/group-machine.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import type { JobRecord } from "../../../../src/shared/job.ts";
import type { QueueSettings } from "../../../../src/shared/queue-settings.ts";
import { createWorld, type Fate } from "./group-world.ts";

const always: Fate = () => "succeeded";
const command = ["true"];
const STRANGER = "s".repeat(20);

/** The most jobs that were live at once, going by the order in which the world made and ended them. */
function crowd(
  plan: object,
  settings: Partial<QueueSettings>,
  strangers: readonly JobRecord[] = [],
) {
  let live = 0;
  let most = 0;
  const fate: Fate = (member) => {
    if (member !== "") live -= 1;
    return "succeeded";
  };
  const world = createWorld(plan, fate, { settings, strangers });
  const { push } = world.made;
  world.made.push = function count(...records) {
    live += 1;
    most = Math.max(most, live);
    return push.apply(this, records);
  };
  return { world, most: () => most };
}

describe("a group in a queue with a bound", () => {
  it.each([
    ["what may wait", { command }, { maxQueued: 2 }, 2],
    ["jobs of a key", { command, key: "k" }, { perKey: { whenBusy: "reject" } }, 1],
  ] as const)("of %s has its jobs made as there is room", async (_what, spec, settings, bound) => {
    const plan = { members: [{ name: "many", spec, count: 7 }] };
    const { world, most } = crowd(plan, settings);
    await world.lead();
    expect(world.group().state).toBe("succeeded");
    expect(world.made).toHaveLength(7);
    expect(most()).toBeLessThanOrEqual(bound);
  });

  it("goes on with members of other queues", async () => {
    const members = [
      { name: "held", spec: { command }, count: 2 },
      { name: "free", spec: { command, queue: "other" } },
    ];
    const waits = newJob(STRANGER, { command }, 1);
    const { world } = crowd({ members }, { maxQueued: 1 }, [waits]);
    await world.lead();
    expect(world.group().state).toBe("succeeded");
    expect(world.made[0]?.origin?.group?.member).toBe("free");
  });

  it("has its jobs take turns where those of others would be replaced", async () => {
    const older = newJob(STRANGER, { command, key: "k" }, 1);
    const plan = { members: [{ name: "many", spec: { command, key: "k" }, count: 3 }] };
    const { world } = crowd(plan, { perKey: { whenBusy: "replace" } }, [older]);
    await world.lead();
    expect(world.group().state).toBe("succeeded");
    expect(world.jobs().find(({ id }) => id === STRANGER)?.state).toBe("cancelled");
  });
});

describe("a member whose unique key another job bears", () => {
  const unique = { key: "report" };
  const plan = { members: [{ name: "report", spec: { command, unique } }] };
  const strangers = [newJob(STRANGER, { command, unique }, 1)];

  it("makes none, and ends as that one does", async () => {
    const world = createWorld(plan, always, { strangers });
    await world.lead();
    expect(world.made).toEqual([]);
    expect(world.group()).toMatchObject({
      state: "succeeded",
      members: { report: { metBy: STRANGER, ended: { state: "succeeded" } } },
    });
  });

  it("runs a job of its own when it is tried again after that one failed", async () => {
    const world = createWorld(plan, (member) => (member === "" ? "failed" : "succeeded"), {
      strangers,
    });
    await world.lead();
    expect(world.group().state).toBe("failed");
    world.change((group) => retried(group, { at: 2_000, actor: "me", upTo: world.lastSeq() }));
    await world.lead();
    expect(world.group().state).toBe("succeeded");
    expect(world.made).toHaveLength(1);
  });

  it.each([1, 2, 3])("ends the same when the leader dies at write %i", async (at) => {
    for (const stored of [true, false]) {
      const world = createWorld(plan, always, { strangers });
      await world.lead(at, stored);
      await world.lead();
      expect(world.group()).toMatchObject({ state: "succeeded" });
    }
  });
});
