// Cursors come back as they were given out, and nothing else is taken for one.
import { describe, expect, it } from "vitest";

import { decodeCursor, encodeCursor } from "../../../../src/scheduler/logs/cursor.ts";

const job = "job00000000000000000";
const offsets = { stdout: 7, stderr: 1_000_000_000 };
const position = { job, attempt: 3, seq: 1_234_567, next: 42, offsets, ended: false };

describe("cursor", () => {
  it("comes back as it was given out", () => {
    expect(decodeCursor(job, encodeCursor(position))).toEqual(position);
    const ended = { ...position, ended: true };
    expect(decodeCursor(job, encodeCursor(ended))).toEqual(ended);
    expect(encodeCursor(position)).toMatch(/^[\w-]+$/);
  });

  it.each([
    "",
    "x",
    "%00",
    encodeCursor({ ...position, job: "other000000000000000" }),
    encodeCursor({ ...position, seq: -1 }),
    encodeCursor({ ...position, seq: 1e300 }),
    `${encodeCursor(position)}AAAA`,
    "A".repeat(10_000),
  ])("refuses %j", (text) => {
    expect(() => decodeCursor(job, text)).toThrow(
      expect.objectContaining({ code: "invalid_cursor", field: "from" }),
    );
  });
});
