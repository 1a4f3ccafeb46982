// The query parameters that choose jobs, the same wherever jobs are listed or followed.
import { z } from "@hono/zod-openapi";

import { date } from "../../shared/fields.ts";
import { JOB_STATES } from "../../shared/job.ts";
import { isJobId, isLabelKey, isName, isWorkerId } from "../../shared/names.ts";
import { JOB_SORTS, type ListQuery } from "../core/board.ts";

const MAX_JOBS = 100;

export const nameText = z.string().refine(isName, "must be a name");

export const stateParameter = z.enum(JOB_STATES).optional();

export const labelParameter = z
  .string()
  .max(400)
  .refine((text) => isLabelKey(keyOf(text)), "must be a label's key, or key=value")
  .optional()
  .openapi({ description: "The job bears this label.", example: "app=site" });

/** Ids with commas between them, as a set. */
export const jobsParameter = z
  .string()
  .max(MAX_JOBS * 21)
  .transform((text) => new Set(text.split(",")))
  .refine(
    (ids) => ids.size <= MAX_JOBS && [...ids].every(isJobId),
    `must be up to ${MAX_JOBS} job ids with commas between them`,
  )
  .optional()
  .openapi({ type: "string", description: `Up to ${MAX_JOBS} job ids, with commas between.` });

const instant = date.transform((text) => Date.parse(text)).optional();

/** What `GET /v1/jobs` can be filtered by, apart from the page. */
export const listFilters = {
  state: stateParameter,
  queue: nameText.optional(),
  definition: nameText.optional().describe("The definition that the job was made from."),
  label: labelParameter,
  handler: nameText.optional(),
  worker: z
    .string()
    .refine(isWorkerId, "must be a worker id")
    .optional()
    .describe("The worker that has, or had, the newest attempt."),
  exitCode: z
    .string()
    .regex(/^\d{1,3}$/, "must be a number from 0 to 255")
    .transform(Number)
    .optional()
    .openapi({ type: "integer", description: "Exit code of the newest attempt." }),
  from: instant.openapi({
    type: "string",
    format: "date-time",
    description: "Submitted at this instant or later; with `sort=finished`: ended.",
  }),
  to: instant.openapi({
    type: "string",
    format: "date-time",
    description: "Submitted before this instant; with `sort=finished`: ended.",
  }),
  sort: z
    .enum(JOB_SORTS)
    .optional()
    .describe(
      "Newest submit first (default); or finished jobs only, newest end or longest run first.",
    ),
};

type Given = Partial<z.infer<z.ZodObject<typeof listFilters>>>;

/** The index's form of the parameters. */
export function listQueryOf({ label, ...filters }: Given): Omit<ListQuery, "limit"> {
  const given = Object.entries({ ...filters, label: label && labelOf(label) });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

const keyOf = (text: string): string => text.split("=", 1)[0] ?? "";

/** The label in `key` or `key=value`. */
export function labelOf(text: string): { key: string; value?: string } {
  const key = keyOf(text);
  return key.length === text.length ? { key } : { key, value: text.slice(key.length + 1) };
}
