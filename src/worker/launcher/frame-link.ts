// One side of the connection between worker and launcher: sends frames, gathered per turn of the loop, and hands out those that come.
import type { Readable, Writable } from "node:stream";

import { encodeHeader, FrameDecoder, type OnFrame } from "./frames.ts";
import type { FrameType } from "./protocol.ts";

export type FrameLink = {
  send(type: FrameType, attempt: number, payload?: Uint8Array): void;
  /** Sends what is gathered, then ends the outgoing direction. */
  end(): void;
};

/** `onEnd` is called once, when the other side has gone, or with an error when it sends what is not a frame. */
export function linkFrames(
  input: Readable,
  output: Writable,
  onFrame: OnFrame,
  onEnd: (broken?: Error) => void,
): FrameLink {
  const decoder = new FrameDecoder(onFrame);
  let corked = false;
  let broken: Error | undefined;

  input.on("data", (piece: Uint8Array) => {
    try {
      decoder.push(piece);
    } catch (error) {
      broken = error as Error;
      input.destroy();
    }
  });
  // Errors of either direction end in "close" of the input, which is the one place where the end is told.
  input.on("error", () => {}).on("close", () => onEnd(broken));
  output.on("error", () => {});

  function uncork(): void {
    corked = false;
    output.uncork();
  }

  function send(type: FrameType, attempt: number, payload?: Uint8Array): void {
    if (!corked) {
      corked = true;
      output.cork();
      setImmediate(uncork);
    }
    output.write(encodeHeader(type, attempt, payload?.length ?? 0));
    if (payload !== undefined && payload.length > 0) output.write(payload);
  }

  return { send, end: () => void output.end() };
}
