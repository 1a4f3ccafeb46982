// Frames as bytes: the header of one to be sent, and the decoder that finds them in whatever pieces arrive.

const HEADER_BYTES = 9;

/** Longest payload that is believed; anything above means that the stream is not ours. */
export const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;

const EMPTY = new Uint8Array(0);

export function encodeHeader(type: number, attempt: number, payloadBytes: number): Uint8Array {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(payloadBytes, 0);
  header.writeUInt8(type, 4);
  header.writeUInt32BE(attempt, 5);
  return header;
}

export type OnFrame = (type: number, attempt: number, payload: Uint8Array) => void;

/** Calls `onFrame` for each frame as soon as its last byte is in. Payloads are views of the pieces where one holds all of it. */
export class FrameDecoder {
  readonly #onFrame: OnFrame;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Set while a payload that spans several pieces is being gathered. */
  #payload: Buffer | undefined;
  #payloadBytes = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Throws RangeError when the bytes cannot be frames. */
  push(piece: Uint8Array): void {
    let rest = piece;
    while (rest.length > 0)
      rest =
        this.#payload === undefined ? this.#readHeader(rest) : this.#gather(rest, this.#payload);
  }

  #readHeader(piece: Uint8Array): Uint8Array {
    const part = piece.subarray(0, HEADER_BYTES - this.#headerBytes);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.length;
    const rest = piece.subarray(part.length);
    if (this.#headerBytes < HEADER_BYTES) return rest;
    const length = this.#header.readUInt32BE(0);
    if (length > MAX_PAYLOAD_BYTES)
      throw new RangeError(`a frame of ${length} bytes is no frame of this protocol`);
    if (length === 0) return this.#deliver(EMPTY, rest);
    if (length <= rest.length)
      return this.#deliver(rest.subarray(0, length), rest.subarray(length));
    this.#payload = Buffer.allocUnsafeSlow(length);
    return rest;
  }

  #gather(piece: Uint8Array, payload: Buffer): Uint8Array {
    const part = piece.subarray(0, payload.length - this.#payloadBytes);
    payload.set(part, this.#payloadBytes);
    this.#payloadBytes += part.length;
    const rest = piece.subarray(part.length);
    return this.#payloadBytes < payload.length ? rest : this.#deliver(payload, rest);
  }

  #deliver(payload: Uint8Array, rest: Uint8Array): Uint8Array {
    this.#headerBytes = 0;
    this.#payload = undefined;
    this.#payloadBytes = 0;
    this.#onFrame(this.#header.readUInt8(4), this.#header.readUInt32BE(5), payload);
    return rest;
  }
}
