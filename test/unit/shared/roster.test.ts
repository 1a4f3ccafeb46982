// Who comes is there until he goes or is taken, whoever else comes and goes.
import { array, assert, boolean, nat, property, record } from "fast-check";
import { expect, it } from "vitest";

import { Roster } from "../../../src/shared/roster.ts";

it("holds what a Set would hold", () => {
  const step = record({ comes: boolean(), which: nat(8) });
  assert(
    property(array(step), (steps) => {
      const roster = new Roster<number>();
      const model = new Set<number>();
      const places: Disposable[] = [];
      for (const { comes, which } of steps) {
        if (comes) {
          model.add(places.length);
          places.push(roster.add(places.length));
        } else {
          // also one who has gone already
          places[which]?.[Symbol.dispose]();
          model.delete(which);
        }
        expect(roster.size).toBe(model.size);
        expect([...roster].toSorted((a, b) => a - b)).toEqual([...model]);
      }
    }),
  );
});

it("gives each away once", () => {
  const roster = new Roster<string>();
  const place = roster.add("a");
  roster.add("b");
  const taken = [roster.take(), roster.take(), roster.take()];
  expect(new Set(taken)).toEqual(new Set(["a", "b", undefined]));
  place[Symbol.dispose]();
  expect(roster.size).toBe(0);
});
