// How entries of output look to a caller: raw text, NDJSON, server-sent events. Pure, and done once per entry for all readers.
import { isUtf8 } from "node:buffer";

import type { GapEntry, LogEntry } from "./entry.ts";

/** The bytes as they were written; a gap is a line of its own, the end is nothing. */
export function renderText(entry: LogEntry): Uint8Array {
  if (entry.kind === "chunk") return entry.bytes;
  return Buffer.from(entry.kind === "gap" ? `\n[millrace: ${describeGap(entry)}]\n` : "");
}

/** One line of JSON: `text` when the chunk is valid UTF-8 by itself, else `base64`. */
export function renderNdjson(entry: LogEntry): string {
  return `${jsonOf(entry)}\n`;
}

/** One event named `chunk`, `gap` or `end`; its id is the cursor. */
export function renderSse(entry: LogEntry): string {
  return `id: ${entry.cursor}\nevent: ${entry.kind}\ndata: ${jsonOf(entry)}\n\n`;
}

/**
 * Entries that go out together, in order. Small ones are joined, since a write costs more than copying them; large ones
 * go alone: what is kept once for all followers of a flood is not copied for each of them.
 */
export function* batchesOf(entries: readonly LogEntry[]): Generator<readonly LogEntry[]> {
  let from = 0;
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    const size = entry.kind === "chunk" ? entry.bytes.length : 0;
    if (at > from && bytes + size > BATCH_BYTES) {
      yield entries.slice(from, at);
      [from, bytes] = [at, 0];
    }
    bytes += size;
  }
  if (from < entries.length) yield entries.slice(from);
}

const BATCH_BYTES = 65_536;

/** Live entries are shared by all followers of an attempt. */
const rendered = new WeakMap<LogEntry, string>();

function jsonOf(entry: LogEntry): string {
  let json = rendered.get(entry);
  if (json === undefined) {
    json = JSON.stringify(plain(entry));
    rendered.set(entry, json);
  }
  return json;
}

function plain(entry: LogEntry): object {
  if (entry.kind !== "chunk") return entry;
  const { bytes, cursor, ...about } = entry;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const content = isUtf8(buffer)
    ? { text: buffer.toString("utf8") }
    : { base64: buffer.toString("base64") };
  return { ...about, ...content, cursor };
}

function describeGap({ channel, dropped, reason }: GapEntry): string {
  return `${dropped} bytes of ${channel} dropped: ${reason}`;
}
