// How long a finished job can be read, which may depend on how it ended.
import { z } from "zod";

import { durationMs } from "./durations.ts";
import { duration } from "./fields.ts";
import { isFinal, type JobRecord } from "./job.ts";

const DEFAULT_MS = 7 * 86_400_000;

const kept = duration({ minMs: 1_000 });

export const retentionSchema = z.union([
  kept,
  z.strictObject({
    succeeded: kept.optional(),
    failed: kept.optional(),
    cancelled: kept.optional(),
    expired: kept.optional(),
  }),
]);

/** How long a final record is kept, in milliseconds. */
export function retentionMs({ spec: { retention }, state }: JobRecord): number {
  const own = typeof retention === "object" && isFinal(state) ? retention[state] : retention;
  return typeof own === "string" ? durationMs(own) : DEFAULT_MS;
}
