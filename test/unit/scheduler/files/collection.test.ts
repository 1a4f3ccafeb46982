// What nothing needs goes after its grace; what somebody needs, or asked to be stored again, stays.
import { expect, it } from "vitest";

import { createCollection } from "../../../../src/scheduler/files/collection.ts";
import { createReferences } from "../../../../src/scheduler/files/references.ts";
import { createGroupIndex } from "../../../../src/scheduler/groups/group-index.ts";
import type { Bundle } from "../../../../src/shared/bundle.ts";
import { MillraceError } from "../../../../src/shared/errors.ts";
import { digestOf, type Digest } from "../../../../src/shared/file.ts";
import { newGroup } from "../../../../src/shared/group-machine.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import { filesOf } from "../../../../src/shared/reference.ts";

const digest = (text: string): Digest => digestOf(Buffer.from(text));
const GRACE = 1_000;

/** One round of the duty at instant 10,000. */
async function collect(
  stored: Record<string, number>,
  needed: readonly string[],
  renewed: readonly string[] = [],
) {
  const names = new Map(Object.keys(stored).map((name) => [digest(name), name]));
  const removed: string[] = [];
  const cleared: number[] = [];
  const order: string[] = [];
  const stop = new AbortController();
  await createCollection({
    files: {
      list: async () => {
        order.push("list");
        return [...names.keys()];
      },
      stat: async (of) => {
        const storedAt = stored[names.get(of)!]!;
        return { digest: of, size: 1, storedAt, revision: 1 };
      },
      remove: async (file) => {
        const name = names.get(file.digest)!;
        if (renewed.includes(name)) throw new MillraceError("lost_race", "stored again");
        removed.push(name);
      },
      clearUnfinished: async (before) => {
        cleared.push(before);
        stop.abort();
        return 0;
      },
    },
    references: async function* () {
      order.push("references");
      yield* needed.map(digest);
    },
    caughtUp: async () => void order.push("caught up"),
    clock: { now: () => 10_000, mono: () => 0 },
    graceMs: GRACE,
    everyMs: 1,
  }).run(stop.signal, { v: 1, scheduler: "s", epoch: 1, since: 0 });
  expect(order).toEqual(["list", "caught up", "references"]);
  expect(cleared).toEqual([9_000]);
  return removed;
}

it("removes what nothing needs and is older than the grace", async () => {
  const stored = { old: 8_999, young: 9_000, needed: 1, raced: 2 };
  expect(await collect(stored, ["needed"], ["raced"])).toEqual(["old"]);
});

it("knows what jobs, groups and bundles need", async () => {
  const groups = createGroupIndex();
  const versions = [{ digest: digest("version") }] as Bundle["versions"];
  const value: Bundle = { v: 1, lastVersion: 1, versions, tags: {} };
  const spec = (of: string) => ({ command: ["true"], bundle: digest(of) });
  const members = [{ name: "m", spec: spec("member") }];
  groups.groupChanged(newGroup("b".repeat(20), { members }, 1), 3);
  const references = createReferences({
    jobs: async function* () {
      yield* filesOf(newJob("a".repeat(20), spec("job"), 1));
    },
    groups,
    bundles: { entries: () => [{ name: "b", revision: 1, value }] },
  });
  const known: Digest[] = [];
  for await (const one of references()) known.push(one);
  expect(known.toSorted()).toEqual(["job", "member", "version"].map(digest).toSorted());
});
