// What can be set up for a queue, and the same as numbers for those who decide by it.
import { z } from "zod";

import { durationMs } from "./durations.ts";
import { duration } from "./fields.ts";
import { defaultsSchema, type JobSpec } from "./spec.ts";

/** Assignments are kept for an hour, which is how far back a new leader can count. */
const LONGEST_RATE_MS = 3_600_000;

const count = z.int().min(1).max(1_000_000);

export const queueSettingsSchema = z.strictObject({
  paused: z.boolean().default(false).describe("A paused queue accepts jobs and starts none."),
  maxRunning: count
    .optional()
    .describe("Attempts of this queue that may run at once; default no limit."),
  maxQueued: count
    .optional()
    .describe("Jobs that may wait; a submit beyond it is refused with 429. Default no limit."),
  rate: z
    .strictObject({
      limit: z.int().min(1).max(10_000).describe("Attempts that may start in any such time."),
      per: duration({ minMs: 1_000, maxMs: LONGEST_RATE_MS }),
    })
    .optional()
    .describe("How many attempts may start within how long; default no limit."),
  perKey: z
    .strictObject({
      limit: count.optional().describe("Jobs of one key that may run at once; default 1."),
      whenBusy: z
        .enum(["queue", "reject", "replace"])
        .optional()
        .describe(
          "What a submit means for a key at its limit: wait (default), refuse it, or cancel the older jobs of the key.",
        ),
    })
    .optional()
    .describe("Limits the jobs that share a `key`; default no limit."),
  ageing: duration({ minMs: 1_000 })
    .optional()
    .describe(
      "Waiting for so long raises a job's priority by one, up to 9, so that nothing starves; default never.",
    ),
  defaults: defaultsSchema
    .optional()
    .describe("Holds for jobs that do not say; written into the job when it is submitted."),
});

export type QueueSettings = z.infer<typeof queueSettingsSchema>;

/** The rules that decide who starts when. */
export type QueueRules = {
  readonly paused: boolean;
  /** Infinity where there is no limit. */
  readonly maxRunning: number;
  readonly rate: { readonly limit: number; readonly perMs: number } | undefined;
  readonly keyLimit: number;
  /** Infinity: waiting raises nothing. */
  readonly ageingMs: number;
};

export function rulesOf({ paused, maxRunning, rate, perKey, ageing }: QueueSettings): QueueRules {
  return {
    paused,
    maxRunning: maxRunning ?? Infinity,
    rate: rate && { limit: rate.limit, perMs: durationMs(rate.per) },
    keyLimit: perKey === undefined ? Infinity : (perKey.limit ?? 1),
    ageingMs: ageing === undefined ? Infinity : durationMs(ageing),
  };
}

/** The spec with what its queue says for jobs that do not say themselves. */
export const withDefaults = (spec: JobSpec, defaults: QueueSettings["defaults"]): JobSpec =>
  defaults === undefined ? spec : { ...defaults, ...spec };
