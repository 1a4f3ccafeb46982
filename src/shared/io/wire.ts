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

/** The stored message in a republished or directly read one; undefined when it is none. */
export function storedOf(message: Msg): Stored | undefined {
  const headers = message.headers;
  const subject = headers?.get("Nats-Subject");
  if (headers === undefined || !subject) return undefined;
  return {
    subject,
    seq: Number(headers.get("Nats-Sequence")),
    previous: Number(headers.get("Nats-Last-Sequence")),
    data: message.data,
    header: (name) => headers.get(name) || undefined,
    removed: headers.has("Nats-Marker-Reason") || isRemoval(headers.get("KV-Operation")),
  };
}

const isRemoval = (operation: string): boolean => operation === "DEL" || operation === "PURGE";

/** Header lines of a leader read, which arrive as base64. */
export function headerLines(encoded: string | undefined): Map<string, string> {
  const lines = new Map<string, string>();
  if (encoded === undefined) return lines;
  for (const line of Buffer.from(encoded, "base64").toString("latin1").split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return lines;
}

export type LeaderReply = {
  message?: { subject: string; seq: number; hdrs?: string; data?: string };
  error?: { err_code?: number; code?: number; description?: string };
};

export function storedOfLeaderReply(reply: LeaderReply): Stored | undefined {
  const { message } = reply;
  if (message === undefined) return undefined;
  const lines = headerLines(message.hdrs);
  return {
    subject: message.subject,
    seq: message.seq,
    previous: 0,
    data: Buffer.from(message.data ?? "", "base64"),
    header: (name) => lines.get(name),
    removed: lines.has("Nats-Marker-Reason") || isRemoval(lines.get("KV-Operation") ?? ""),
  };
}
