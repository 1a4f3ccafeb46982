// Where the log of a local installation goes: readable on a terminal, as it is in a pipe, or into a file.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";

import type { Terminal } from "../terminal.ts";

export async function logStream(terminal: Terminal): Promise<Writable> {
  if (!terminal.interactive) return process.stderr;
  const { default: pretty } = await import("pino-pretty");
  return pretty({ destination: 2, sync: true, ignore: "pid,hostname" });
}

/** A file that is begun anew. */
export const logFile = (dir: string): Writable => createWriteStream(join(dir, "millrace.log"));
