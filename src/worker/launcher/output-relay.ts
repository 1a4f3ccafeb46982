// Passes a program's output on as it comes and stops reading while too much of it is unconsumed.
import type { Readable } from "node:stream";

import { FRAME, WINDOW_BYTES } from "./protocol.ts";

type Forward = (type: typeof FRAME.stdout | typeof FRAME.stderr, bytes: Uint8Array) => void;

export class OutputRelay {
  readonly #channels: Readable[];
  #unconsumed = 0;
  /** Resolves when the last writer of both pipes has gone, or after `cut`. */
  readonly drained: Promise<void>;

  constructor(stdout: Readable, stderr: Readable, forward: Forward) {
    this.#channels = [stdout, stderr];
    const ends = (
      [
        [FRAME.stdout, stdout],
        [FRAME.stderr, stderr],
      ] as const
    ).map(
      ([type, channel]) =>
        new Promise<void>((resolve) => {
          channel
            .on("data", (bytes: Uint8Array) => {
              forward(type, bytes);
              this.#count(bytes.length);
            })
            .on("error", () => {}) // "close" follows
            .on("close", resolve);
        }),
    );
    this.drained = Promise.all(ends).then(() => undefined);
  }

  /** True while the worker has to consume before anything more is read. */
  get isHeld(): boolean {
    return this.#unconsumed >= WINDOW_BYTES;
  }

  /** The worker consumed so many bytes. */
  credit(bytes: number): void {
    const held = this.isHeld;
    this.#unconsumed -= bytes;
    if (held && !this.isHeld) for (const channel of this.#channels) channel.resume();
  }

  /** Closes both pipes, whoever still writes to them. */
  cut(): void {
    for (const channel of this.#channels) channel.destroy();
  }

  #count(bytes: number): void {
    const held = this.isHeld;
    this.#unconsumed += bytes;
    if (!held && this.isHeld) for (const channel of this.#channels) channel.pause();
  }
}
