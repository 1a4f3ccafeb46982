// Counts and hashes what an attempt wrote, and counts what of it was sent.
import { createHash, type Hash } from "node:crypto";

import type { Channel } from "../../shared/chunk.ts";
import type { OutputTotals } from "../../shared/job.ts";

export type Tally = {
  wrote(channel: Channel, bytes: Uint8Array): void;
  /** Negative when what was sent turned out not to be stored. */
  sent(bytes: number): void;
  totals(chunks: number): OutputTotals;
  /** Hex, of everything written so far. */
  sha256(): Record<Channel, string>;
};

export function createTally(): Tally {
  const written: Record<Channel, number> = { stdout: 0, stderr: 0 };
  const hashes: Partial<Record<Channel, Hash>> = {};
  let sent = 0;
  const digest = (channel: Channel) =>
    (hashes[channel] ?? createHash("sha256")).copy().digest("hex");
  return {
    wrote(channel, bytes) {
      written[channel] += bytes.length;
      hashes[channel] ??= createHash("sha256");
      hashes[channel].update(bytes);
    },
    sent(bytes) {
      sent += bytes;
    },
    totals: (chunks) => ({ ...written, chunks, dropped: written.stdout + written.stderr - sent }),
    sha256: () => ({ stdout: digest("stdout"), stderr: digest("stderr") }),
  };
}
