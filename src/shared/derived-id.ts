// Ids that follow from what they stand for, so that making the same thing twice is refused by the broker itself.
import { createHash } from "node:crypto";

import { JOB_ID_LENGTH } from "./names.ts";

/**
 * The job (or group) id that these parts stand for in an installation: 20 base-36 digits of a SHA-256, about 103 bits.
 * No part may hold a line break but the last.
 */
export function derivedId(prefix: string, ...parts: readonly string[]): string {
  const digest = createHash("sha256")
    .update([prefix, ...parts].join("\n"))
    .digest("hex");
  return BigInt(`0x${digest}`).toString(36).slice(-JOB_ID_LENGTH).padStart(JOB_ID_LENGTH, "0");
}
