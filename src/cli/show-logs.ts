// Puts a job's output where it belongs: bytes to the channel they came from, or entries as JSON lines.
import { bytesOf, type LogEntry } from "../client/log-entries.ts";
import type { Terminal } from "./terminal.ts";

/** Writes each entry as it arrives. Stops early when nobody reads any more. */
export async function showLogs(
  entries: AsyncIterable<LogEntry>,
  terminal: Terminal,
  asJson: boolean,
): Promise<void> {
  for await (const entry of entries) {
    if (terminal.unread.aborted) return;
    if (asJson) await terminal.printJson(entry);
    else await showEntry(entry, terminal);
  }
}

async function showEntry(entry: LogEntry, terminal: Terminal): Promise<void> {
  switch (entry.kind) {
    case "chunk":
      return terminal.write(entry.channel, bytesOf(entry));
    case "gap":
      return terminal.note(
        `millrace: ${entry.dropped} bytes of ${entry.channel} are missing here (${entry.reason})`,
      );
    case "end":
      if (!entry.complete) terminal.note("millrace: the end of this attempt's output is not known");
  }
}
