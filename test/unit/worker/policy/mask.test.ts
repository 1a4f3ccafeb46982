// A secret is never seen in what a mask lets through, however the output was cut.
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { createMask } from "../../../../src/worker/policy/mask.ts";

function through(secrets: string[], pieces: string[]): string {
  const mask = createMask(secrets);
  const passed = pieces.map((piece) => mask.pass(Buffer.from(piece)));
  return Buffer.concat([...passed, mask.rest()]).toString();
}

test("a secret becomes stars, wherever it is cut", () => {
  const text = "before topsecret after topsecret";
  for (let cut = 0; cut <= text.length; cut += 1)
    expect(through(["topsecret"], [text.slice(0, cut), text.slice(cut)])).toBe(
      "before *** after ***",
    );
});

test("bytes that cannot begin a secret do not wait", () => {
  const mask = createMask(["topsecret"]);
  expect(Buffer.from(mask.pass(Buffer.from("progress 10%"))).toString()).toBe("progress 10%");
  expect(Buffer.from(mask.pass(Buffer.from("top"))).toString()).toBe("");
  expect(Buffer.from(mask.pass(Buffer.from("ple"))).toString()).toBe("topple");
});

test("one secret may begin, end or contain another", () => {
  expect(through(["password", "password123456"], ["password", "123456"])).toBe("***");
  expect(through(["abcdef", "defghi"], ["xabcdefghix"])).toBe("x***x");
  expect(through(["abcabcab"], ["abcabcab"])).toBe("***");
});

test("secrets that touch are one, and bytes behind stars do not wait for an end that never comes", () => {
  expect(through(["babbbbba", "bbaaba"], ["b", "baa", "bababbb", "bba"])).toBe("***");
  const mask = createMask(["aaaaaa"]);
  const passed = Array.from({ length: 1_000 }, () => mask.pass(Buffer.from("aaaa")));
  expect(Buffer.concat(passed).toString()).toBe("***");
  expect(Buffer.from(mask.pass(Buffer.from(" and on"))).toString()).toBe(" and on");
});

test("a secret of several lines is masked line by line", () => {
  expect(through(["first line\nsecond line"], ["1: first line\n", "2: second line\n"])).toBe(
    "1: ***\n2: ***\n",
  );
});

test("what is let through holds no secret, and without secrets all of it", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40 });
  const secrets = fc.array(
    fc.string({ unit: fc.constantFrom("a", "b"), minLength: 6, maxLength: 9 }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  fc.assert(
    fc.property(secrets, fc.array(letters), (some, pieces) => {
      const seen = through(some, pieces);
      for (const secret of some) expect(seen).not.toContain(secret);
      const whole = pieces.join("");
      expect(seen === whole).toBe(!some.some((secret) => whole.includes(secret)));
      expect(seen).toBe(through(some, [whole]));
    }),
  );
});
