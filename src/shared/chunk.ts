// How one piece of an attempt's output stands in the log stream: raw bytes as body, one header line about them.
//
// Millrace-Chunk: <no> <acked> <at> <stdout> <stderr> o|e                          bytes of stdout or stderr
// Millrace-Chunk: <no> <acked> <at> <stdout> <stderr> gap o|e <dropped> cap|spool  bytes that are not there, and why
// Millrace-Chunk: <no> <acked> <at> <stdout> <stderr> end                          nothing but the closing
//
// <stdout> and <stderr> count the bytes of both channels that come before. Any of the three may be followed by the
// closing, a JSON object: the attempt has written all it ever will.
import type { OutputTotals } from "./job.ts";

export const CHUNK_HEADER = "Millrace-Chunk";

export type Channel = "stdout" | "stderr";
export const CHANNELS = ["stdout", "stderr"] as const satisfies readonly Channel[];

/** cap: more than the job may keep · spool: the broker was away or full for longer than the worker could store. */
export type DropReason = "cap" | "spool";

/** How many bytes of each channel come before something. */
export type Offsets = Readonly<Record<Channel, number>>;

export type LogPart =
  | { kind: "bytes"; channel: Channel }
  | { kind: "gap"; channel: Channel; dropped: number; reason: DropReason };

/** The end of an attempt's log. `sha256` (hex) covers everything that the channel wrote, dropped bytes included. */
export type Closing = OutputTotals & {
  outcome: string;
  exitCode?: number;
  signal?: string;
  sha256: Record<Channel, string>;
};

export type LogRecord = {
  /** Place in the attempt's log, counted from 0 over both channels. */
  no: number;
  /** Every record below this number was stored before this one was sent. */
  acked: number;
  /** Epoch milliseconds at which its first byte was read. */
  at: number;
  offsets: Offsets;
  /** Absent when the record is nothing but the closing. */
  part?: LogPart;
  closing?: Closing;
};

const LETTERS = { stdout: "o", stderr: "e" } as const;
const SHAPE =
  /^(?<no>\d{1,15}) (?<acked>\d{1,15}) (?<at>\d{1,15}) (?<stdout>\d{1,15}) (?<stderr>\d{1,15}) (?:(?<bytes>[oe])|gap (?<gap>[oe]) (?<dropped>\d{1,15}) (?<reason>cap|spool)|end)(?: (?<closing>\{.*\}))?$/;

/** The value of the header that describes a record. */
export function encodeLogRecord({ no, acked, at, offsets, part, closing }: LogRecord): string {
  const head = `${no} ${acked} ${at} ${offsets.stdout} ${offsets.stderr} ${encodePart(part)}`;
  return closing === undefined ? head : `${head} ${JSON.stringify(closing)}`;
}

function encodePart(part: LogPart | undefined): string {
  if (part === undefined) return "end";
  const letter = LETTERS[part.channel];
  return part.kind === "bytes" ? letter : `gap ${letter} ${part.dropped} ${part.reason}`;
}

/** The record that a header describes; undefined for anything that no worker of ours has written. */
export function decodeLogRecord(header: string | undefined): LogRecord | undefined {
  const found = header === undefined ? undefined : SHAPE.exec(header)?.groups;
  if (found === undefined) return undefined;
  const record: LogRecord = {
    no: Number(found["no"]),
    acked: Number(found["acked"]),
    at: Number(found["at"]),
    offsets: { stdout: Number(found["stdout"]), stderr: Number(found["stderr"]) },
  };
  const part = decodePart(found);
  if (part !== undefined) record.part = part;
  if (found["closing"] === undefined) return part === undefined ? undefined : record;
  const closing = decodeClosing(found["closing"]);
  return closing === undefined ? undefined : { ...record, closing };
}

function decodePart(found: Record<string, string | undefined>): LogPart | undefined {
  if (found["bytes"] !== undefined) return { kind: "bytes", channel: channelOf(found["bytes"]) };
  if (found["gap"] === undefined) return undefined;
  return {
    kind: "gap",
    channel: channelOf(found["gap"]),
    dropped: Number(found["dropped"]),
    reason: found["reason"] as DropReason,
  };
}

const channelOf = (letter: string): Channel => (letter === "o" ? "stdout" : "stderr");

function decodeClosing(text: string): Closing | undefined {
  let value: Partial<Closing>;
  try {
    value = JSON.parse(text) as Partial<Closing>;
  } catch {
    return undefined;
  }
  const { stdout, stderr, chunks, dropped, sha256 } = value;
  const counted = [stdout, stderr, chunks, dropped].every(isCount);
  const hashed = typeof sha256?.stdout === "string" && typeof sha256.stderr === "string";
  return counted && hashed && typeof value.outcome === "string" ? (value as Closing) : undefined;
}

/** The offsets behind a part that stands at `offsets`; `length` is that of its bytes. */
export function offsetsAfter(offsets: Offsets, part: LogPart, length: number): Offsets {
  const extent = part.kind === "gap" ? part.dropped : length;
  return { ...offsets, [part.channel]: offsets[part.channel] + extent };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
