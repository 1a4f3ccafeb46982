// How jobs name handlers, and who answers to it.
import { describe, expect, it } from "vitest";

import { handlerProblem } from "../../../src/shared/handler.ts";
import {
  announcementOf,
  answersTo,
  handlerName,
  handlerReference,
  parseHandlerReference,
} from "../../../src/shared/handler-reference.ts";

describe("a reference", () => {
  it.each([
    ["resize", "resize", true],
    ["resize", "resize@2.0.0", true],
    ["resize", "resizer@2.0.0", false],
    ["resize@^2", "resize@2.3.4", true],
    ["resize@^2", "resize@3.0.0", false],
    ["resize@^2", "resize", false],
    ["resize@>=1.2 <3", "resize@1.2.0", true],
    ["resize@1.x || 3.x", "resize@2.0.0", false],
    ["resize@^2", "resize@2.1.0-beta.1", false],
    ["resize@2.1.0-beta.1", "resize@2.1.0-beta.1", true],
  ])("%s is answered by %s: %s", (reference, announced, expected) => {
    expect(handlerReference.safeParse(reference).success).toBe(true);
    expect(answersTo(parseHandlerReference(reference), announced)).toBe(expected);
  });

  it.each([
    "",
    "@^2",
    "resize@",
    "resize@ ",
    "resize@new",
    "re.size@1",
    `resize@${"1".repeat(99)}`,
  ])("%j is none", (text) => {
    expect(handlerReference.safeParse(text).success).toBe(false);
  });
});

const run = () => undefined;

it("a handler is announced with its version, which must be a full one", () => {
  expect(announcementOf({ name: "resize", version: "2.1.0" })).toBe("resize@2.1.0");
  expect(announcementOf({ name: "resize" })).toBe("resize");
  expect(handlerName("resize@2.1.0")).toBe("resize");
  expect(handlerProblem({ name: "resize", version: "2.1.0", run })).toBeUndefined();
  for (const version of ["2", "v2.1.0", "^2.1.0", "", 2])
    expect(handlerProblem({ name: "resize", version, run })).toContain("version");
});
