import { expect, it } from "vitest";

import { refused, returned, threw } from "../../../src/shared/handler-ending.ts";
import { MAX_VALUE_BYTES } from "../../../src/shared/reference.ts";

it("keeps JSON results as they will be read", () => {
  expect(returned(undefined)).toEqual({ outcome: "exited", exitCode: 0 });
  expect(returned(null)).toMatchObject({ outcome: "exited", result: null });
  expect(returned({ at: new Date(0) })).toMatchObject({
    result: { at: "1970-01-01T00:00:00.000Z" },
  });
});

it("says what is wrong with other results", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(returned(circle)).toMatchObject({
    outcome: "threw",
    reason: expect.stringContaining("JSON"),
  });
  expect(returned(() => 1)).toMatchObject({
    outcome: "threw",
    reason: expect.stringContaining("function"),
  });
  const fits = "x".repeat(MAX_VALUE_BYTES - 2);
  expect(returned(fits).outcome).toBe("exited");
  expect(returned(`${fits}x`)).toMatchObject({
    outcome: "threw",
    reason: expect.stringContaining("bytes"),
  });
});

it("has words for whatever is thrown", () => {
  expect(threw(new TypeError("bad"))).toEqual({ outcome: "threw", reason: "bad" });
  expect(threw(new RangeError())).toMatchObject({ reason: "RangeError" });
  expect(threw("text")).toMatchObject({ reason: "text" });
  expect(threw(undefined)).toMatchObject({ reason: "It threw undefined." });
  expect(threw(new Error("x".repeat(5_000))).reason).toHaveLength(2_000);
});

it("names the field that does not fit", () => {
  const issue = { path: ["items", 2, "name"], message: "too short" };
  expect(refused([issue])).toEqual({
    outcome: "invalid_input",
    reason: "input.items[2].name: too short",
  });
});
