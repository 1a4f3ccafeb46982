import { expect, expectTypeOf, it } from "vitest";
import { z } from "zod";

import { defineHandler } from "../../../src/index.ts";

it("takes the type of the input from its schema", () => {
  const handler = defineHandler({
    name: "count",
    input: z.object({ to: z.int() }),
    timeout: "30s",
    run(input, ctx) {
      expectTypeOf(input).toEqualTypeOf<{ to: number }>();
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
      return input.to;
    },
  });
  expect(handler.name).toBe("count");
});

const WRONG: [string, unknown, RegExp][] = [
  ["no name", { run: () => 1 }, /name must be/],
  ["a name for no subject", { name: "a.b", run: () => 1 }, /name must be/],
  ["no function", { name: "a" }, /run must be/],
  ["an input that checks nothing", { name: "a", run: () => 1, input: {} }, /zod schema/],
  ["a timeout that is none", { name: "a", run: () => 1, timeout: "soon" }, /timeout/],
  ["a wrong retry", { name: "a", run: () => 1, retry: { attempts: 0 } }, /retry\.attempts/],
];

it.each(WRONG)("refuses %s", (_what, definition, complaint) => {
  expect(() => defineHandler(definition as never)).toThrow(complaint);
});
