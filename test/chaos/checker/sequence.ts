// The known pseudo-random output of the jobs: lines of eight hexadecimal digits, one sequence per seed and channel.
//
// jobs/job.sh computes the same numbers in the arithmetic of the shell.
import { createHash } from "node:crypto";

import type { Channel } from "../../../src/shared/chunk.ts";

const LINE_BYTES = 9;
const MASK = 0x7fff_ffff;
/** Keeps the channels of one job apart. */
const OFFSET = { stdout: 0, stderr: 1_000_003 } as const;

export const nextState = (state: number): number =>
  (Math.imul(state, 1_103_515_245) + 12_345) & MASK;

/** The first `length` bytes that a job with this seed writes to the channel. */
export function expectedOutput(seed: number, channel: Channel, length: number): Buffer {
  const lines: string[] = [];
  let state = (seed + OFFSET[channel]) & MASK;
  for (let bytes = 0; bytes < length; bytes += LINE_BYTES) {
    state = nextState(state);
    lines.push(state.toString(16).padStart(8, "0"));
  }
  return Buffer.from(`${lines.join("\n")}\n`, "latin1").subarray(0, length);
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");
