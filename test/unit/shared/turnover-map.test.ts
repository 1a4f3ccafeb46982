// Does what a Map does, and lets go of what was deleted.
import { array, assert, constant, nat, oneof, property, record } from "fast-check";
import { expect, it } from "vitest";

import { TurnoverMap } from "../../../src/shared/turnover-map.ts";

const KEYS = 8;

it("holds what a Map would hold, in its order", () => {
  const step = oneof(
    {
      weight: 10,
      arbitrary: record({ do: constant("set"), key: nat(KEYS), value: nat() }),
    },
    {
      weight: 10,
      arbitrary: record({ do: constant("delete"), key: nat(KEYS), value: constant(0) }),
    },
    { weight: 1, arbitrary: constant({ do: "clear", key: 0, value: 0 }) },
  );
  assert(
    property(array(step), (steps) => {
      const map = new TurnoverMap<number, number>();
      const model = new Map<number, number>();
      for (const { do: what, key, value } of steps) {
        const [dropped, modelDropped] = [map, model].map((each) => {
          if (what === "set") each.set(key, value);
          if (what === "clear") each.clear();
          return what === "delete" && each.delete(key);
        });
        expect(dropped).toBe(modelDropped);
        expect([...map.values()]).toEqual([...model.values()]);
        expect(map.size).toBe(model.size);
        expect(map.get(key)).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
      }
    }),
  );
});

it("lets entries go while they are gone through", () => {
  const map = new TurnoverMap<string, number>();
  for (const [index, key] of ["a", "b", "c"].entries()) map.set(key, index);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete("b");
  }
  expect(seen).toEqual([0, 2]);
});
