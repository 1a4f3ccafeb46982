// The newest bytes are kept to the byte, and what is missing is named exactly.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  CHANNELS,
  offsetsAfter,
  type Channel,
  type Offsets,
} from "../../../../src/shared/chunk.ts";
import { createTail } from "../../../../src/worker/output/tail.ts";

const at = (stdout: number, stderr = 0): Offsets => ({ stdout, stderr });

describe("tail", () => {
  it("keeps the newest bytes and says what is missing", () => {
    const tail = createTail(4, 2);
    tail.write("stdout", at(10), 1, Buffer.from("abcdef"));
    tail.write("stderr", at(16), 2, Buffer.from("x"));
    const segments = tail.drain("cap");
    expect(segments[0]).toMatchObject({
      part: { kind: "gap", channel: "stdout", dropped: 3, reason: "cap" },
      offsets: at(10),
    });
    expect(segments.slice(1).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
      "d",
      "ef",
      "x",
    ]);
  });

  it("keeps everything when it fits, and is empty afterwards", () => {
    const tail = createTail(4, 2);
    tail.write("stdout", at(0), 1, Buffer.from("abcd"));
    expect(tail.drain("spool").map(({ part }) => part.kind)).toEqual(["bytes", "bytes"]);
    expect(tail.drain("spool")).toEqual([]);
  });

  it("swallows an older gap together with what stands around it", () => {
    const tail = createTail(2, 2);
    const gap = { kind: "gap", channel: "stdout", dropped: 5, reason: "spool" } as const;
    tail.add({ part: gap, offsets: at(5), at: 1, bytes: new Uint8Array() });
    tail.write("stdout", at(10), 1, Buffer.from("abcd"));
    expect(tail.drain("spool")).toMatchObject([
      { part: { ...gap, dropped: 7 }, offsets: at(5) },
      { part: { kind: "bytes", channel: "stdout" }, offsets: at(12) },
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
          tail.write(channel, at(written.stdout.length, written.stderr.length), 1, bytes);
          written[channel].push(...bytes);
        }
        const total = written.stdout.length + written.stderr.length;
        let now = at(0);
        let kept = 0;
        for (const { part, offsets, bytes } of tail.drain("cap")) {
          expect(offsets).toEqual(now);
          const from = offsets[part.channel];
          const expected = written[part.channel].slice(from, from + bytes.length);
          expect([...bytes]).toEqual(expected);
          now = offsetsAfter(offsets, part, bytes.length);
          kept += bytes.length;
        }
        expect(now).toEqual(at(written.stdout.length, written.stderr.length));
        expect(kept).toBe(Math.min(total, limit));
      }),
    );
  });
});
