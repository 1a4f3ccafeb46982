// Whatever is asked and whenever leaders die: every job is made once, nothing is begun too early, and the group ends.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cancelled, retried } from "../../../../src/shared/group-machine.ts";
import { NEED_CONDITIONS, type GroupRecord, type Need } from "../../../../src/shared/group.ts";
import type { JobRecord } from "../../../../src/shared/job.ts";
import { createWorld, type Fate, type World } from "./group-world.ts";

const spec = { command: ["true"] };

/** Members need only earlier ones, so that every graph is sound. */
const members = fc
  .array(
    fc.record({
      count: fc.integer({ min: 1, max: 5 }),
      needs: fc.array(
        fc.record({
          back: fc.integer({ min: 1, max: 3 }),
          on: fc.constantFrom(...NEED_CONDITIONS),
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) =>
    list.map(({ count, needs }, place) => ({
      name: `m${place}`,
      spec,
      count,
      needs: needs.flatMap(({ back, on }) =>
        back <= place ? [{ member: `m${place - back}`, on }] : [],
      ),
    })),
  );
const seeds = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 8 });
const deaths = fc.array(fc.record({ at: fc.integer({ min: 1, max: 12 }), stored: fc.boolean() }), {
  maxLength: 6,
});

/** One in four fails, always the same ones. */
const fateOf =
  (seed: readonly number[]): Fate =>
  (member, index) =>
    seed[(member.charCodeAt(1) * 3 + index) % seed.length] === 0 ? "failed" : "succeeded";

async function leadTo(world: World, dying: readonly { at: number; stored: boolean }[]) {
  for (const { at, stored } of dying) await world.lead(at, stored);
  await world.lead();
}

const placeOf = ({ origin }: JobRecord) => `${origin?.group?.member}.${origin?.group?.index}`;

const doubles = (world: World): number => world.made.length - new Set(world.made.map(placeOf)).size;

function isMet({ member, on }: Need, group: GroupRecord): boolean {
  const { state, counts } = group.members[member]?.ended ?? {};
  switch (on) {
    case "always":
      return true;
    case "success":
      return state === "succeeded";
    case "failure":
      return state === "failed";
    case "any":
      return (counts?.succeeded ?? 0) > 0;
  }
}

/** What each member came to, and what it should have come to by its jobs and needs. */
function ends(world: World, group: GroupRecord): { found: unknown[]; due: unknown[] } {
  const found: unknown[] = [];
  const due: unknown[] = [];
  for (const { name, count = 1, needs = [] } of group.spec.members) {
    const own = world.jobs().filter(({ origin }) => origin?.group?.member === name);
    const failed = own.filter(({ state }) => state === "failed").length;
    const end = group.members[name]?.ended;
    const runs = needs.every((need) => isMet(need, group));
    const state = failed > 0 ? "failed" : "succeeded";
    found.push([name, end?.state, end?.counts.failed, own.length]);
    due.push(runs ? [name, state, failed, count] : [name, "skipped", 0, 0]);
  }
  return { found, due };
}

describe("a group under leaders that die", () => {
  it("makes every job once, skips only what cannot be, and ends as its jobs did", async () => {
    await fc.assert(
      fc.asyncProperty(members, seeds, deaths, async (list, seed, dying) => {
        const world = createWorld({ members: list }, fateOf(seed));
        await leadTo(world, dying);
        const group = world.group();
        const { found, due } = ends(world, group);
        expect(found).toEqual(due);
        expect(doubles(world)).toBe(0);
        const failed = world.jobs().some(({ state }) => state === "failed");
        expect(group.state).toBe(failed ? "failed" : "succeeded");
      }),
      { numRuns: 40 },
    );
  });

  it("tries again exactly what failed, once, and then succeeds", async () => {
    await fc.assert(
      fc.asyncProperty(members, seeds, deaths, async (list, seed, dying) => {
        const first = fateOf(seed);
        const world = createWorld({ members: list }, (member, index, attempt) =>
          attempt === 1 ? first(member, index, 1) : "succeeded",
        );
        await world.lead();
        const before = new Map(world.jobs().map((job) => [job.id, job]));
        if (world.group().state !== "failed") return;
        world.change((record) => retried(record, { at: 2, actor: "t", upTo: world.lastSeq() }));
        await leadTo(world, dying);
        const old = world.jobs().filter(({ id }) => before.has(id));
        expect(old.map(({ attempt }) => attempt)).toEqual(
          old.map(({ id }) => (before.get(id)?.state === "failed" ? 2 : 1)),
        );
        expect(doubles(world)).toBe(0);
        expect(["succeeded", "failed"]).toContain(world.group().state);
      }),
      { numRuns: 25 },
    );
  });

  it("ends when it is cancelled in the middle", async () => {
    await fc.assert(
      fc.asyncProperty(
        members,
        deaths,
        fc.integer({ min: 1, max: 10 }),
        async (list, dying, at) => {
          const world = createWorld({ members: list }, () => "succeeded");
          await world.lead(at);
          const isOver = world.group().finishedAt !== undefined;
          if (isOver) return;
          const made = world.made.length;
          world.change((record) => cancelled(record, { at: 2, actor: "t", reason: "enough" }));
          await leadTo(world, dying);
          expect(world.made).toHaveLength(made);
          expect(world.group().finishedAt).toBeDefined();
        },
      ),
      { numRuns: 25 },
    );
  });
});
