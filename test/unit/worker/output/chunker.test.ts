// Gathering output into chunks: nothing lost, order kept, no chunk too large.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CHANNELS, type Channel, type Offsets } from "../../../../src/shared/chunk.ts";
import {
  createChunker,
  type Chunker,
  type Segment,
} from "../../../../src/worker/output/chunker.ts";

const LIMIT = 8;
const at = (stdout: number, stderr = 0): Offsets => ({ stdout, stderr });
const bytesOf = (text: string) => Buffer.from(text);

function takeAll(chunker: Chunker): Segment[] {
  const segments: Segment[] = [];
  for (let next = chunker.take(); next !== undefined; next = chunker.take()) segments.push(next);
  return segments;
}

const shown = (segments: Segment[]) =>
  segments.map(
    ({ part, offsets, bytes }) =>
      `${part.channel}@${offsets[part.channel]} ${Buffer.from(bytes).toString()}`,
  );

describe("chunker", () => {
  it("gathers small writes of one channel and keeps the order between channels", () => {
    const chunker = createChunker(LIMIT);
    chunker.write("stdout", at(0), 1, bytesOf("ab"));
    chunker.write("stdout", at(2), 2, bytesOf("cd"));
    chunker.write("stderr", at(0, 0), 3, bytesOf("x"));
    chunker.write("stdout", at(4), 4, bytesOf("e"));
    expect(shown(takeAll(chunker))).toEqual(["stdout@0 abcd", "stderr@0 x", "stdout@4 e"]);
  });

  it("divides a write only where it is longer than a chunk", () => {
    const chunker = createChunker(LIMIT);
    chunker.write("stdout", at(0), 1, bytesOf("abcdef"));
    chunker.write("stdout", at(6), 1, bytesOf("ghi"));
    chunker.write("stdout", at(9), 1, bytesOf("jklmn"));
    chunker.write("stdout", at(14), 1, bytesOf("opqrstuvwx"));
    expect(shown(takeAll(chunker))).toEqual([
      "stdout@0 abcdef",
      "stdout@6 ghijklmn",
      "stdout@14 opqrstuv",
      "stdout@22 wx",
    ]);
  });

  it("hands a write on as it is when nothing is to be joined with it", () => {
    const given = bytesOf("abcdefgh");
    const chunker = createChunker(LIMIT);
    chunker.write("stdout", at(0), 1, bytesOf("x"));
    chunker.write("stdout", at(1), 1, given);
    expect(takeAll(chunker)[1]?.bytes.buffer).toBe(given.buffer);
  });

  it("calls a chunk whole when it is full or another follows", () => {
    const chunker = createChunker(LIMIT);
    chunker.write("stdout", at(0), 1, bytesOf("abc"));
    expect(chunker.hasWhole).toBe(false);
    chunker.write("stderr", at(0, 0), 1, bytesOf("x"));
    expect(chunker.hasWhole).toBe(true);
    chunker.take();
    expect(chunker.hasWhole).toBe(false);
    chunker.write("stderr", at(0, 1), 1, bytesOf("1234567"));
    expect(chunker.hasWhole).toBe(true);
  });

  it("does not write into what it was given", () => {
    const given = bytesOf("abcdefgh");
    const chunker = createChunker(LIMIT);
    chunker.write("stdout", at(0), 1, given.subarray(0, 2));
    chunker.write("stdout", at(2), 1, bytesOf("XY"));
    expect(given.toString()).toBe("abcdefgh");
  });

  it("gives back what was written, whatever it was", () => {
    const write = fc.record({
      channel: fc.constantFrom(...CHANNELS),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 3 * LIMIT }),
    });
    fc.assert(
      fc.property(fc.array(write), (writes) => {
        const chunker = createChunker(LIMIT);
        const written: Record<Channel, number[]> = { stdout: [], stderr: [] };
        for (const { channel, bytes } of writes) {
          const { stdout, stderr } = written;
          chunker.write(channel, at(stdout.length, stderr.length), 1, bytes);
          written[channel].push(...bytes);
        }
        const total = written.stdout.length + written.stderr.length;
        expect(chunker.size).toBe(total);
        const read: Record<Channel, number[]> = { stdout: [], stderr: [] };
        for (const { part, offsets, bytes } of takeAll(chunker)) {
          expect(bytes.length).toBeLessThanOrEqual(LIMIT);
          expect(offsets).toEqual({ stdout: read.stdout.length, stderr: read.stderr.length });
          read[part.channel].push(...bytes);
        }
        expect(read).toEqual(written);
        expect([chunker.size, chunker.isEmpty]).toEqual([0, true]);
      }),
    );
  });
});
