// What callers and schedulers say to each other over the broker: many new jobs at once, and what became of each.
import { z } from "zod";

import { ERROR_CODES, type ErrorCode } from "./errors.ts";
import { decodeStored } from "./stored.ts";

/** Most jobs in one request. */
export const MAX_SUBMISSIONS = 500;

/** `spec` is checked by the scheduler; the same `key` and spec always mean the same job. */
export type Submissions = { v: 1; jobs: { spec: unknown; key: string }[] };

export type Refusal = { code: ErrorCode; detail: string; field?: string };
/** One for each job, in their order. */
export type SubmissionResults = { v: 1; results: ({ id: string } | { refused: Refusal })[] };

const submissions: z.ZodType<Submissions> = z.object({
  v: z.literal(1),
  jobs: z
    .array(z.object({ spec: z.unknown(), key: z.string().min(1).max(255) }))
    .max(MAX_SUBMISSIONS),
});

const results: z.ZodType<SubmissionResults> = z.object({
  v: z.literal(1),
  results: z.array(
    z.union([
      z.object({ id: z.string() }),
      z.object({
        refused: z.object({
          code: z.enum(ERROR_CODES),
          detail: z.string(),
          field: z.exactOptional(z.string()),
        }),
      }),
    ]),
  ),
});

export const decodeSubmissions = (text: string): Submissions | undefined =>
  decodeStored(text, submissions);
export const decodeResults = (text: string): SubmissionResults | undefined =>
  decodeStored(text, results);
