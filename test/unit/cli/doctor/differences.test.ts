import { expect, it } from "vitest";

import { compare, standing } from "../../../../src/cli/doctor/differences.ts";

const of = (object: Record<string, string | number | boolean>) => new Map(Object.entries(object));

it("names what differs and what only one side knows", () => {
  const server = of({ "queue a queued": 2, "job x": "queued, attempt 0", "worker w slots": 4 });
  const records = of({ "queue a queued": 3, "job y": "queued, attempt 1", "worker w slots": 4 });
  expect(compare(server, records)).toEqual([
    { what: "queue a queued", server: 2, records: 3 },
    { what: "job x", server: "queued, attempt 0" },
    { what: "job y", records: "queued, attempt 1" },
  ]);
});

it("takes a count that is always off by the same for drift, and one that wanders for lag", () => {
  const drift = { what: "queue a queued", server: 5, records: 3 };
  const later = { what: "queue a queued", server: 105, records: 103 };
  const lag = { what: "queue a queued", server: 105, records: 104 };
  expect(standing([drift], [later])).toEqual([later]);
  expect(standing([drift], [lag])).toEqual([]);
});

it("forgets a job that differed in another way before", () => {
  const before = { what: "job x", server: "queued, attempt 0" };
  const after = { what: "job x", server: "queued, attempt 1" };
  expect(standing([before], [after])).toEqual([]);
  expect(standing([after], [after])).toEqual([after]);
});
