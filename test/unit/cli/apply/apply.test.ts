// What `apply` makes of documents and of what the server has.
import { describe, expect, it } from "vitest";

import { lineDiff } from "../../../../src/cli/apply/line-diff.ts";
import { planChanges, type Standing } from "../../../../src/cli/apply/plan.ts";
import { parseDocument } from "../../../../src/cli/apply/resources.ts";

const spec = { spec: { command: ["true"] } };
const definition = (name: string, more: object = {}, revision?: number) =>
  parseDocument(
    { kind: "Definition", name, spec: { ...spec, ...more }, ...(revision && { revision }) },
    "here",
  );
const standing = (name: string, etag: string, more: object = {}): Standing => ({
  kind: "Definition",
  name,
  etag,
  spec: { ...spec, enabled: true, ...more },
});
const whats = (changes: ReturnType<typeof planChanges>) =>
  changes.map(({ what, name }) => `${what} ${name}`);

describe("a plan", () => {
  it("creates, updates and leaves alone", () => {
    const documents = [
      definition("new"),
      definition("same"),
      definition("other", { description: "x" }),
    ];
    const there = [standing("same", '"1"'), standing("other", '"2"')];
    expect(whats(planChanges(documents, there))).toEqual([
      "create new",
      "unchanged same",
      "update other",
    ]);
  });

  it("removes only when asked, what builds on others first, and never queues", () => {
    const there: Standing[] = [
      standing("gone", '"1"'),
      { kind: "Schedule", name: "gone", etag: '"2"', spec: {} },
      { kind: "Queue", name: "gone", spec: {} },
    ];
    expect(planChanges([], there)).toEqual([]);
    const removed = planChanges([], there, { prune: true }).map(
      ({ what, kind }) => `${what} ${kind}`,
    );
    expect(removed).toEqual(["remove Schedule", "remove Definition"]);
  });

  it("stops at what somebody changed since the export, unless it says the same", () => {
    const there = [standing("a", '"9"', { description: "theirs" })];
    const mine = definition("a", { description: "mine" }, 7);
    expect(whats(planChanges([mine], there))).toEqual(["conflict a"]);
    expect(whats(planChanges([mine], there, { force: true }))).toEqual(["update a"]);
    expect(whats(planChanges([definition("a", { description: "theirs" }, 7)], there))).toEqual([
      "unchanged a",
    ]);
    expect(whats(planChanges([definition("a", {}, 7)], []))).toEqual(["conflict a"]);
  });

  it("makes what others build on first", () => {
    const schedule = parseDocument(
      { kind: "Schedule", name: "s", spec: { cron: "@daily", definition: "a" } },
      "here",
    );
    expect(whats(planChanges([schedule, definition("a")], []))).toEqual(["create a", "create s"]);
  });
});

describe("a document", () => {
  it.each([
    ["no object", 3, "here: "],
    ["an unknown kind", { kind: "Job", name: "a" }, "here: kind"],
    ["no name", { kind: "Queue", name: "a b" }, "here: name"],
    ["an unknown field", { kind: "Queue", name: "a", specs: {} }, "here: specs"],
    ["a bad spec", { kind: "Definition", name: "a", spec: {} }, "here: Definition a: spec"],
  ])("is refused for %s", (_what, value, message) => {
    expect(() => parseDocument(value, "here")).toThrow(message);
  });
});

describe("a difference", () => {
  it("keeps what is common and marks the rest", () => {
    expect(lineDiff("a\nb\nc\n", "a\nx\nc\nd\n")).toEqual(["  a", "- b", "+ x", "  c", "+ d"]);
    expect(lineDiff("", "a\n")).toEqual(["+ a"]);
    expect(lineDiff("a\n", "")).toEqual(["- a"]);
  });
});
