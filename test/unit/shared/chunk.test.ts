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
  fc.record({ kind: fc.constant("bytes" as const), channel }),
  fc.record({
    kind: fc.constant("gap" as const),
    channel,
    dropped: count,
    reason: fc.constantFrom("cap" as const, "spool" as const),
  }),
);
const offsets = fc.record({ stdout: count, stderr: count });
const numbers = { no: count, acked: count, at: count, offsets };
const anyRecord: fc.Arbitrary<LogRecord> = fc.oneof(
  fc.record({ ...numbers, part }),
  fc.record({ ...numbers, part, closing: fc.constant(closing) }),
  fc.record({ ...numbers, closing: fc.constant(closing) }),
);

describe("log record", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(anyRecord, (written) => {
        expect(decodeLogRecord(encodeLogRecord(written))).toEqual(written);
      }),
    );
  });

  it("reads well in a terminal", () => {
    const record: LogRecord = {
      no: 7,
      acked: 5,
      at: 1_763_767_200_000,
      offsets: { stdout: 120, stderr: 4096 },
      part: { kind: "bytes", channel: "stderr" },
    };
    expect(encodeLogRecord(record)).toBe("7 5 1763767200000 120 4096 e");
  });

  it.each([
    undefined,
    "",
    "x",
    "1 2 3 4 5",
    "1 2 3 4 5 end",
    "1 2 3 4 5 x",
    "-1 2 3 4 5 o",
    "1 2 3 4 5 o 6",
    "1 2 3 4 5 gap o 6 because",
    "9999999999999999 2 3 4 5 o",
    "1 2 3 4 5 end {",
    "1 2 3 4 5 end {}",
    '1 2 3 4 5 end {"outcome":"exited"}',
    "1 2 3 4 5 o\r\nX: y",
  ])("refuses %j", (header) => {
    expect(decodeLogRecord(header)).toBeUndefined();
  });
});
