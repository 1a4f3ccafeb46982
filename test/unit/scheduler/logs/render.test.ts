// What a caller sees of an entry: raw bytes, JSON lines, events; never a changed byte.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type {
  ChunkEntry,
  EndEntry,
  GapEntry,
  LogEntry,
} from "../../../../src/scheduler/logs/entry.ts";
import {
  batchesOf,
  renderNdjson,
  renderSse,
  renderText,
} from "../../../../src/scheduler/logs/render.ts";

const chunk = (bytes: Uint8Array): ChunkEntry => {
  return {
    kind: "chunk",
    attempt: 1,
    no: 3,
    channel: "stdout",
    offset: 9,
    at: 5,
    bytes,
    cursor: "c",
  };
};
const gap: GapEntry = {
  kind: "gap",
  attempt: 1,
  channel: "stderr",
  offset: 7,
  dropped: 123,
  reason: "cap",
  cursor: "g",
};
const end: EndEntry = { kind: "end", attempt: 1, complete: true, cursor: "e" };

function json(entry: LogEntry): unknown {
  const line = renderNdjson(entry);
  expect(line.indexOf("\n")).toBe(line.length - 1);
  return JSON.parse(line);
}

describe("entries that go out together", () => {
  const small = chunk(Buffer.alloc(30_000));
  const large = chunk(Buffer.alloc(70_000));

  it("are the small ones; a large one goes alone", () => {
    expect([...batchesOf([])]).toEqual([]);
    expect([...batchesOf([small, gap, small, small, end])]).toEqual([
      [small, gap, small],
      [small, end],
    ]);
    expect([...batchesOf([gap, large, end, small, large])]).toEqual([
      [gap],
      [large],
      [end, small],
      [large],
    ]);
  });
});

describe("rendering", () => {
  it("gives text as it is, a gap as a line, the end as nothing", () => {
    expect(renderText(chunk(Buffer.from([0, 255])))).toEqual(Buffer.from([0, 255]));
    expect(renderText(gap).toString()).toBe("\n[millrace: 123 bytes of stderr dropped: cap]\n");
    expect(renderText(end)).toHaveLength(0);
  });

  it("gives JSON lines", () => {
    const about = { kind: "chunk", attempt: 1, no: 3, channel: "stdout", offset: 9, at: 5 };
    expect(json(chunk(Buffer.from("ä\n")))).toEqual({ ...about, text: "ä\n", cursor: "c" });
    const half = Buffer.from("ä").subarray(0, 1);
    expect(json(chunk(half))).toEqual({ ...about, base64: "ww==", cursor: "c" });
    expect(json(gap)).toEqual(gap);
    expect(json(end)).toEqual(end);
  });

  it("gives events whose id is the cursor", () => {
    expect(renderSse(end)).toBe(
      'id: e\nevent: end\ndata: {"kind":"end","attempt":1,"complete":true,"cursor":"e"}\n\n',
    );
    expect(renderSse(chunk(Buffer.from("a\n\nb"))).split("\n")).toHaveLength(5);
  });

  it("loses no byte", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const { text, base64 } = JSON.parse(renderNdjson(chunk(bytes))) as {
          text?: string;
          base64?: string;
        };
        const back =
          text === undefined ? Buffer.from(base64!, "base64") : Buffer.from(text, "utf8");
        expect([...back]).toEqual([...bytes]);
      }),
    );
  });
});
