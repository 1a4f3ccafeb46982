// One side of the connection between worker and launcher: sends frames, gathered per turn of the loop, and hands out those that come.
import type { Readable, Writable } from "node:stream";

import { encodeHeader, FrameDecoder, type OnFrame } from "./frames.ts";
import type { FrameType } from "./protocol.ts";

export type FrameLink = {
  send(type: FrameType, attempt: number, payload?: Uint8Array): void;
  sendJson(type: FrameType, attempt: number, value: object): void;
  sendCount(type: FrameType, attempt: number, count: number): void;
  /** Sends what is gathered, then ends the outgoing direction. */
  end(): void;
};

/** `onEnd` is called once, when the other side has gone or sends what is not a frame. */
export function linkFrames(
  input: Readable,
  output: Writable,
  onFrame: OnFrame,
  onEnd: () => void,
): FrameLink {
  const decoder = new FrameDecoder(onFrame);
  let corked = false;

  input.on("data", (piece: Uint8Array) => {
    try {
      decoder.push(piece);
    } catch (error) {
      input.destroy(error as Error);
    }
  });
  // Errors of either direction end in "close" of the input, which is the one place where the end is told.
  input.on("error", () => {}).on("close", onEnd);
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

  return {
    send,
    sendJson: (type, attempt, value) => send(type, attempt, Buffer.from(JSON.stringify(value))),
    sendCount(type, attempt, count) {
      const payload = Buffer.allocUnsafe(4);
      payload.writeUInt32BE(count);
      send(type, attempt, payload);
    },
    end: () => void output.end(),
  };
}

export const readJson = (payload: Uint8Array): unknown =>
  JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString());

export const readCount = (payload: Uint8Array): number =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.length).readUInt32BE();
