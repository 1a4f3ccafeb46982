// Messages as streams hold them, read from what the client delivers.
import type { Msg } from "nats";

export type Stored = {
  /** The subject in the stream, also when the message came by a republished one. */
  subject: string;
  seq: number;
  /** Sequence of the message before it on the same subject; 0 when it is the first. */
  previous: number;
  data: Uint8Array;
  header(name: string): string | undefined;
  /** True for what a deletion or an expiry leaves behind. */
  removed: boolean;
};

const decoder = new TextDecoder();

export const textOf = (stored: { data: Uint8Array }): string => decoder.decode(stored.data);

/** The client decodes headers into an object of its own, which costs more than all else that reading a message does. */
type Undecoded = Msg & { _msg: { hdr: number }; _rdata: Uint8Array };

/** The header lines of a message as one text; undefined when it has none. */
export function headOf(message: Msg): string | undefined {
  const { _msg: about, _rdata: bytes } = message as Undecoded;
  if (about.hdr <= 0) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, about.hdr).toString();
}

/** The status in the first line: 0 for a message that carries none. */
export const statusOf = (head: string | undefined): number =>
  head === undefined ? 0 : Number.parseInt(head.slice(STATUS_AT, STATUS_AT + 4), 10) || 0;

const STATUS_AT = "NATS/1.0".length;

/** The value of the first line of that name, spelled as its writer did; undefined when there is none or it is empty. */
export function lineOf(head: string, name: string): string | undefined {
  const start = `\r\n${name}:`;
  const at = head.indexOf(start);
  if (at < 0) return undefined;
  const from = at + start.length;
  return head.slice(from, head.indexOf("\r\n", from)).trim() || undefined;
}

/** The stored message in a republished or directly read one; undefined when it is none. */
export function storedOf(message: Msg): Stored | undefined {
  const head = headOf(message);
  const subject = head && lineOf(head, "Nats-Subject");
  if (!subject) return undefined;
  return {
    subject,
    seq: Number(lineOf(head, "Nats-Sequence") ?? 0),
    previous: Number(lineOf(head, "Nats-Last-Sequence") ?? 0),
    data: message.data,
    header: (name) => lineOf(head, name),
    removed: isRemoval(head),
  };
}

const isRemoval = (head: string): boolean =>
  lineOf(head, "Nats-Marker-Reason") !== undefined || REMOVALS.has(lineOf(head, "KV-Operation"));

const REMOVALS: ReadonlySet<string | undefined> = new Set(["DEL", "PURGE"]);

export type LeaderReply = {
  message?: { subject: string; seq: number; hdrs?: string; data?: string };
  error?: { err_code?: number; code?: number; description?: string };
};

export function storedOfLeaderReply(reply: LeaderReply): Stored | undefined {
  const { message } = reply;
  if (message === undefined) return undefined;
  const head = Buffer.from(message.hdrs ?? "", "base64").toString();
  return {
    subject: message.subject,
    seq: message.seq,
    previous: 0,
    data: Buffer.from(message.data ?? "", "base64"),
    header: (name) => lineOf(head, name),
    removed: isRemoval(head),
  };
}
