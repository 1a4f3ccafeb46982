import { expect, it } from "vitest";

import { bytesOf, type LogEntry } from "../../../src/client/log-entries.ts";
import { readNdjson } from "../../../src/client/ndjson.ts";

const VALUES = [{ text: "grüß dich 👋\n" }, { list: [1, 2, 3] }, "last"];
const BYTES = Buffer.from(`${VALUES.map((value) => JSON.stringify(value)).join("\n\n")}\n`);

async function collected(bytes: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of readNdjson(bytes)) values.push(value);
  return values;
}

async function* pieces(...buffers: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* buffers;
}

it("reads the same values wherever the bytes are split", async () => {
  for (let at = 0; at <= BYTES.length; at += 1) {
    const split = pieces(BYTES.subarray(0, at), BYTES.subarray(at));
    expect({ at, values: await collected(split) }).toEqual({ at, values: VALUES });
  }
});

it("reads bytes that come one by one", async () => {
  const single = pieces(...Array.from(BYTES, (_, at) => BYTES.subarray(at, at + 1)));
  expect(await collected(single)).toEqual(VALUES);
});

it("does not take half a line for a value", async () => {
  expect(await collected(pieces(Buffer.from('{"a":1}\n{"b"')))).toEqual([{ a: 1 }]);
});

it("gives back the bytes of a chunk, text or not", () => {
  const chunk = { kind: "chunk", channel: "stdout", attempt: 1, offset: 0, at: 0, cursor: "c" };
  const bytes = Buffer.from([0, 255, 128, 10]);
  const entry = { ...chunk, base64: bytes.toString("base64") } as LogEntry & { kind: "chunk" };
  expect(Buffer.from(bytesOf(entry))).toEqual(bytes);
  const text = { ...chunk, text: "é\u0000\n" } as LogEntry & { kind: "chunk" };
  expect(Buffer.from(bytesOf(text))).toEqual(Buffer.from("é\u0000\n"));
});
