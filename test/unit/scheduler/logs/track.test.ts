// Order from disorder: whatever a worker had to send again and whatever retention took.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeCursor } from "../../../../src/scheduler/logs/cursor.ts";
import { itemOf, type LogEntry, type LogItem } from "../../../../src/scheduler/logs/entry.ts";
import { beginning, createTrack, type Start } from "../../../../src/scheduler/logs/track.ts";
import {
  encodeLogRecord,
  type Channel,
  type Closing,
  type LogRecord,
  type Offsets,
} from "../../../../src/shared/chunk.ts";

const JOB = "job00000000000000000";
const CHUNKS = 12;

/** Chunk `no` of an attempt: 1 to 3 bytes, on stdout except every third. */
const channelOf = (no: number): Channel => (no % 3 === 2 ? "stderr" : "stdout");
const textOf = (no: number): string => String.fromCodePoint(97 + no).repeat(1 + (no % 3));

/** Bytes of each channel before chunk `no`. */
function offsetsOf(no: number): Offsets {
  const offsets = { stdout: 0, stderr: 0 };
  for (let i = 0; i < no; i += 1) offsets[channelOf(i)] += textOf(i).length;
  return offsets;
}

const closing: Closing = {
  outcome: "exited",
  ...offsetsOf(CHUNKS),
  chunks: CHUNKS,
  dropped: 0,
  sha256: { stdout: "", stderr: "" },
};

type Sending = { no: number; acked: number };

function stream(sendings: Sending[]): LogItem[] {
  return sendings.map(({ no, acked }, index) => {
    const part = { kind: "bytes", channel: channelOf(no) } as const;
    const record: LogRecord = { no, acked, at: no, offsets: offsetsOf(no), part };
    if (no === CHUNKS - 1) record.closing = closing;
    return itemOf(JOB, 1, {
      subject: "",
      seq: 10 * (index + 1),
      previous: 10 * index,
      data: Buffer.from(textOf(no)),
      header: () => encodeLogRecord(record),
      removed: false,
    })!;
  });
}

/** What is stored when some rounds of sending fail in part: each round begins at the first chunk that is not acknowledged. */
const rounds = fc
  .array(fc.record({ window: fc.integer({ min: 1, max: 5 }), stored: fc.array(fc.boolean()) }), {
    maxLength: 20,
  })
  .map((tries): Sending[] => {
    const sendings: Sending[] = [];
    let acked = 0;
    for (const { window, stored } of tries) {
      const end = Math.min(CHUNKS, acked + window);
      let gapless = true;
      const base = acked;
      for (let no = base; no < end; no += 1) {
        if (stored[no - base] === false) gapless = false;
        else sendings.push({ no, acked: base });
        if (gapless) acked = no + 1;
      }
    }
    for (let no = acked; no < CHUNKS; no += 1) sendings.push({ no, acked: no });
    return sendings;
  });

/** Reads as a reader does: from the track's position, again when it goes back. */
function readFrom(start: Start, items: LogItem[]): LogEntry[] {
  const track = createTrack(start);
  const entries: LogEntry[] = [];
  for (;;) {
    const item = items.find(({ seq }) => seq > track.seq);
    if (track.ended) return entries;
    if (item !== undefined) entries.push(...track.take(item));
    else if (!track.accept()) return entries;
  }
}

function expectExact(entries: LogEntry[]): void {
  const at = { stdout: 0, stderr: 0 };
  for (const entry of entries) {
    if (entry.kind === "end") continue;
    expect(entry.offset).toBe(at[entry.channel]);
    at[entry.channel] += entry.kind === "gap" ? entry.dropped : entry.bytes.length;
  }
  expect(at).toEqual(offsetsOf(CHUNKS));
  expect(entries.at(-1)?.kind).toBe("end");
}

const kinds = (entries: LogEntry[]) => entries.map(({ kind }) => kind);

describe("track", () => {
  it("gives each chunk once and in order, however often it was sent", () => {
    fc.assert(
      fc.property(rounds, (sendings) => {
        const entries = readFrom(beginning(JOB, 1), stream(sendings));
        expect(kinds(entries).filter((kind) => kind === "gap")).toEqual([]);
        const numbers = entries.flatMap((entry) => (entry.kind === "chunk" ? entry.no : []));
        expect(numbers).toEqual([...Array(CHUNKS).keys()]);
        expectExact(entries);
      }),
    );
  });

  it("accounts for every byte that retention took, and keeps what is left", () => {
    fc.assert(
      fc.property(rounds, fc.nat({ max: 40 }), (sendings, expired) => {
        const items = stream(sendings).slice(Math.min(expired, sendings.length - 1));
        const entries = readFrom(beginning(JOB, 1), items);
        expectExact(entries);
        const lowest = Math.min(...items.map(({ record }) => record.no));
        const first = entries.find((entry) => entry.kind === "chunk");
        expect(first).toMatchObject({ no: lowest });
      }),
    );
  });

  it("goes on at the cursor of any entry, with nothing repeated or left out", () => {
    fc.assert(
      fc.property(rounds, fc.nat({ max: 40 }), fc.nat(), (sendings, expired, pick) => {
        const items = stream(sendings).slice(Math.min(expired, sendings.length - 1));
        const all = readFrom(beginning(JOB, 1), items);
        const stop = pick % all.length;
        expect(readFrom(decodeCursor(JOB, all[stop]!.cursor), items)).toEqual(all.slice(stop + 1));
      }),
    );
  });

  it("names what retention took after a cursor was given out", () => {
    const items = stream([...Array(CHUNKS).keys()].map((no) => ({ no, acked: no })));
    const [, second] = readFrom(beginning(JOB, 1), items);
    const entries = readFrom(decodeCursor(JOB, second!.cursor), items.slice(6));
    const lost = { stdout: offsetsOf(6).stdout - offsetsOf(2).stdout, stderr: offsetsOf(6).stderr };
    expect(entries.slice(0, 3)).toMatchObject([
      { kind: "gap", channel: "stdout", offset: offsetsOf(2).stdout, dropped: lost.stdout },
      { kind: "gap", channel: "stderr", offset: 0, dropped: lost.stderr },
      { kind: "chunk", no: 6 },
    ]);
  });

  it("leaves out the cut bytes of its first chunk", () => {
    const start = { ...beginning(JOB, 1), cut: { no: 2, bytes: 2 } };
    const entries = readFrom(start, stream([0, 1, 2].map((no) => ({ no, acked: no }))));
    expect(entries.at(-1)).toMatchObject({ no: 2, offset: 2, bytes: Buffer.from("c") });
  });
});
