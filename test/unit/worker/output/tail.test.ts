// The newest bytes are kept to the byte, and what is missing is named exactly.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CHANNELS, type Channel } from "../../../../src/shared/chunk.ts";
import { createTail } from "../../../../src/worker/output/tail.ts";

describe("tail", () => {
  it("keeps the newest bytes and says what is missing", () => {
    const tail = createTail(4, 2);
    tail.write("stdout", 10, 1, Buffer.from("abcdef"));
    tail.write("stderr", 0, 2, Buffer.from("x"));
    const segments = tail.drain("cap");
    expect(segments[0]?.part).toEqual({
      kind: "gap",
      channel: "stdout",
      offset: 10,
      dropped: 3,
      reason: "cap",
    });
    expect(segments.slice(1).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
      "d",
      "ef",
      "x",
    ]);
  });

  it("keeps everything when it fits, and is empty afterwards", () => {
    const tail = createTail(4, 2);
    tail.write("stdout", 0, 1, Buffer.from("abcd"));
    expect(tail.drain("spool").map(({ part }) => part.kind)).toEqual(["bytes", "bytes"]);
    expect(tail.drain("spool")).toEqual([]);
  });

  it("swallows an older gap together with what stands around it", () => {
    const tail = createTail(2, 2);
    const older = {
      kind: "gap",
      channel: "stdout",
      offset: 5,
      dropped: 5,
      reason: "spool",
    } as const;
    tail.add({ part: older, at: 1, bytes: new Uint8Array() });
    tail.write("stdout", 10, 1, Buffer.from("abcd"));
    expect(tail.drain("spool").map(({ part }) => part)).toEqual([
      { ...older, dropped: 7 },
      { kind: "bytes", channel: "stdout", offset: 12 },
    ]);
  });

  it("accounts for every byte of both channels", () => {
    const write = fc.record({
      channel: fc.constantFrom(...CHANNELS),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(write), fc.nat({ max: 40 }), (writes, limit) => {
        const tail = createTail(limit, 8);
        const written: Record<Channel, number[]> = { stdout: [], stderr: [] };
        for (const { channel, bytes } of writes) {
          tail.write(channel, written[channel].length, 1, bytes);
          written[channel].push(...bytes);
        }
        const total = written.stdout.length + written.stderr.length;
        const at: Record<Channel, number> = { stdout: 0, stderr: 0 };
        let kept = 0;
        for (const { part, bytes } of tail.drain("cap")) {
          expect(part.offset).toBe(at[part.channel]);
          const expected = written[part.channel].slice(part.offset, part.offset + bytes.length);
          expect([...bytes]).toEqual(expected);
          at[part.channel] += part.kind === "gap" ? part.dropped : bytes.length;
          kept += bytes.length;
        }
        expect(at).toEqual({ stdout: written.stdout.length, stderr: written.stderr.length });
        expect(kept).toBe(Math.min(total, limit));
      }),
    );
  });
});
