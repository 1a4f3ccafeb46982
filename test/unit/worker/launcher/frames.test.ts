import { expect, test } from "vitest";

import {
  encodeHeader,
  FrameDecoder,
  MAX_PAYLOAD_BYTES,
} from "../../../../src/worker/launcher/frames.ts";

type Seen = { type: number; attempt: number; payload: string };

const SENT: Seen[] = [
  { type: 1, attempt: 1, payload: '{"argv":["true"]}' },
  { type: 4, attempt: 0xffffffff, payload: "" },
  { type: 66, attempt: 7, payload: "\0\n\u{1F30A}" },
  { type: 3, attempt: 0, payload: "" },
];

const stream = Buffer.concat(
  SENT.flatMap(({ type, attempt, payload }) => {
    const bytes = Buffer.from(payload);
    return [encodeHeader(type, attempt, bytes.length), bytes];
  }),
);

function decode(pieces: Uint8Array[]): Seen[] {
  const seen: Seen[] = [];
  const decoder = new FrameDecoder((type, attempt, payload) =>
    seen.push({ type, attempt, payload: Buffer.from(payload).toString() }),
  );
  for (const piece of pieces) decoder.push(piece);
  return seen;
}

test("all frames come out of one piece", () => {
  expect(decode([stream])).toEqual(SENT);
});

test("frames come out whole wherever the stream is split in two", () => {
  for (let at = 0; at <= stream.length; at += 1)
    expect(decode([stream.subarray(0, at), stream.subarray(at)])).toEqual(SENT);
});

test("frames come out whole byte by byte", () => {
  expect(decode([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(SENT);
});

test("an empty payload at the end of a piece is delivered at once", () => {
  expect(decode([encodeHeader(4, 9, 0)])).toEqual([{ type: 4, attempt: 9, payload: "" }]);
});

test("a length that no frame has is refused instead of waited for", () => {
  expect(() => decode([encodeHeader(1, 1, MAX_PAYLOAD_BYTES + 1)])).toThrow(RangeError);
});
