// The log record's header: what goes in comes out, and what is not ours is refused.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  CHANNELS,
  decodeLogRecord,
  encodeLogRecord,
  type Closing,
  type LogRecord,
} from "../../../src/shared/chunk.ts";

const closing: Closing = {
  outcome: "exited",
  exitCode: 0,
  stdout: 5,
  stderr: 0,
  chunks: 2,
  dropped: 0,
  sha256: { stdout: "ab", stderr: "cd" },
};

const count = fc.nat({ max: 2 ** 40 });
const channel = fc.constantFrom(...CHANNELS);
const part = fc.oneof(
  fc.record({ kind: fc.constant("bytes" as const), channel, offset: count }),
  fc.record({
    kind: fc.constant("gap" as const),
    channel,
    offset: count,
    dropped: count,
    reason: fc.constantFrom("cap" as const, "spool" as const),
  }),
);
const numbers = { no: count, acked: count, at: count };
const record: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record({ ...numbers, part }),
  fc.record({ ...numbers, part, closing: fc.constant(closing) }),
  fc.record({ ...numbers, closing: fc.constant(closing) }),
);

describe("log record", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(record, (written) => {
        expect(decodeLogRecord(encodeLogRecord(written))).toEqual(written);
      }),
    );
  });

  it("reads well in a terminal", () => {
    const bytes = { kind: "bytes", channel: "stderr", offset: 4096 } as const;
    expect(encodeLogRecord({ no: 7, acked: 5, at: 1_763_767_200_000, part: bytes })).toBe(
      "7 5 1763767200000 e 4096",
    );
  });

  it.each([
    undefined,
    "",
    "x",
    "1 2 3",
    "1 2 3 end",
    "1 2 3 x 4",
    "-1 2 3 o 4",
    "1 2 3 o 4 5",
    "1 2 3 gap o 4 5 because",
    "9999999999999999 2 3 o 4",
    "1 2 3 end {",
    "1 2 3 end {}",
    '1 2 3 end {"outcome":"exited"}',
    "1 2 3 o 4\r\nX: y",
  ])("refuses %j", (header) => {
    expect(decodeLogRecord(header)).toBeUndefined();
  });
});
