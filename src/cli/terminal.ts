// The two output channels of the command line: what was asked for goes to stdout, the rest to stderr.
import { once } from "node:events";
import { isatty } from "node:tty";
import colors from "picocolors";

import type { Channel } from "../shared/chunk.ts";
import { printable } from "./display.ts";

export type Colors = ReturnType<typeof colors.createColors>;

export type Terminal = {
  /** Styles for stdout; they do nothing in a pipe. */
  readonly colors: Colors;
  /** True when a person watches stderr. */
  readonly interactive: boolean;
  /** Columns for a status line; unlimited where nobody tells. */
  readonly width: number;
  /** Aborts when nobody reads stdout any more. */
  readonly unread: AbortSignal;
  /** One line (or several) on stdout. */
  print(text: string): Promise<void>;
  printJson(value: unknown): Promise<void>;
  /** One line on stderr, or several; whatever others wrote is made safe to show. */
  note(text: string): void;
  /** A job's bytes, unchanged. */
  write(channel: Channel, bytes: Uint8Array): Promise<void>;
  /** A line on a terminal's stderr that the next one replaces; nothing in a pipe. */
  status(text: string | undefined): void;
};

const CLEAR_LINE = "\r\u001b[K";

export function createTerminal(wantsColors: boolean): Terminal {
  const interactive = isatty(2);
  const unread = new AbortController();
  let statusShown = false;

  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error) => unread.abort(error));

  async function write(channel: Channel, bytes: Uint8Array | string): Promise<void> {
    status(undefined);
    const stream = process[channel];
    if (!unread.signal.aborted && !stream.write(bytes)) await drained(stream);
  }

  /** Resolves also when the reader went away. */
  async function drained(stream: NodeJS.WriteStream): Promise<void> {
    await once(stream, "drain", { signal: unread.signal }).catch(() => {});
  }

  function status(text: string | undefined): void {
    if (!interactive || (text === undefined && !statusShown)) return;
    process.stderr.write(text === undefined ? CLEAR_LINE : `${CLEAR_LINE}${text}`);
    statusShown = text !== undefined;
  }

  return {
    colors: colors.createColors(wantsColors && isatty(1)),
    interactive,
    width: process.stderr.columns || Number.POSITIVE_INFINITY,
    unread: unread.signal,
    print: (text) => write("stdout", `${text}\n`),
    printJson: (value) => write("stdout", `${JSON.stringify(value)}\n`),
    note(text) {
      status(undefined);
      process.stderr.write(`${text.split("\n").map(printable).join("\n")}\n`);
    },
    write,
    status,
  };
}
