// A group is accepted or refused as a whole, with the field that is wrong.
import { describe, expect, it } from "vitest";

import { MillraceError } from "../../../src/shared/errors.ts";
import { parseGroupSpec, type NeedCondition } from "../../../src/shared/group.ts";

const member = (name: string, ...needs: (string | { member: string; on: NeedCondition })[]) => ({
  name,
  spec: { command: ["true"] },
  ...(needs.length === 0 ? {} : { needs }),
});

function refusal(body: object): { code: string; field: string | undefined } {
  try {
    parseGroupSpec(body);
  } catch (error) {
    if (error instanceof MillraceError) return { code: error.code, field: error.field };
  }
  throw new Error("it was accepted");
}

describe("a group's spec", () => {
  it.each([
    ["no members", { members: [] }, "members"],
    ["a name twice", { members: [member("a"), member("a")] }, "members[1].name"],
    ["an unknown need", { members: [member("a", "b")] }, "members[0].needs[0]"],
    ["a need of itself", { members: [member("a", "a")] }, "members[0].needs"],
    [
      "a ring",
      { members: [member("x"), member("a", "c", "x"), member("b", "a"), member("c", "b")] },
      "members[1].needs",
    ],
    [
      "two kinds of array",
      { members: [{ ...member("a"), count: 2, matrix: { k: [1] } }] },
      "members[0].matrix",
    ],
    [
      "too many jobs",
      {
        members: [
          { ...member("a"), count: 60_000 },
          { ...member("b"), count: 60_000 },
        ],
      },
      "members",
    ],
    [
      "a matrix that explodes",
      {
        members: [{ ...member("a"), matrix: { a: Array(1_000).fill(1), b: Array(1_000).fill(1) } }],
      },
      "members",
    ],
    [
      "a unique key of many",
      {
        members: [{ ...member("a"), count: 2, spec: { command: ["true"], unique: { key: "k" } } }],
      },
      "members[0].spec.unique",
    ],
    [
      "an empty dimension",
      { members: [{ ...member("a"), matrix: { k: [] } }] },
      "members[0].matrix.k",
    ],
    ["a job that is none", { members: [{ name: "a", spec: {} }] }, "members[0].spec.command"],
    ["an unknown field", { members: [member("a")], policy: 1 }, "policy"],
    ["an impossible outcome", { members: [member("a")], outcome: { percent: 101 } }, "outcome"],
    [
      "a bad condition",
      { members: [member("a"), { ...member("b"), needs: [{ member: "a", on: "done" }] }] },
      "members[1].needs[0]",
    ],
  ])("is refused for %s", (_what, body, field) => {
    const { code, field: found } = refusal(body);
    expect(code).toBe("invalid_spec");
    expect(found?.startsWith(field)).toBe(true);
  });

  it("takes a name alone as a need for success", () => {
    const { members } = parseGroupSpec({ members: [member("a"), member("b", "a")] });
    expect(members[1]?.needs).toEqual([{ member: "a", on: "success" }]);
  });

  it("names a ring in the order of waiting", () => {
    expect(() => parseGroupSpec({ members: [member("a", "b"), member("b", "a")] })).toThrow(
      "a needs b needs a",
    );
  });
});
