// The parts of route descriptions that many routes have: answers, problems and the parsing of parameters.
import { z, type Hook } from "@hono/zod-openapi";
import type { TypedResponse, ValidationTargets } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { JSONParsed } from "hono/utils/types";

import { durationMs, parseDuration } from "../../shared/durations.ts";
import { ERROR_CODES, MillraceError, type ErrorCode } from "../../shared/errors.ts";
import { fieldPath } from "../../shared/spec.ts";
import type { HttpEnv } from "./env.ts";

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES).describe("Stable name of what went wrong; branch on this."),
    detail: z.string().describe("What happened and what to do next."),
    field: z.string().optional().describe("The offending input, as `retry.attempts`."),
    requestId: z.string().optional(),
  })
  .openapi("Problem");

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problemSchema } },
});

/** Problems by status, for the codes that a route can answer with besides those that any route can. */
export function problems<const S extends keyof typeof PROBLEMS>(...statuses: S[]) {
  const all = [400, 500, 503, ...statuses] as const;
  return Object.fromEntries(all.map((status) => [status, problem(PROBLEMS[status])])) as Record<
    S | 400 | 500 | 503,
    ReturnType<typeof problem>
  >;
}

const PROBLEMS = {
  400: "Something in the request is malformed.",
  401: "The caller did not show who they are, or not well enough.",
  403: "The caller may not do that.",
  404: "There is no such thing.",
  408: "The body did not arrive, or too slowly.",
  409: "The state of the job does not allow it, or the idempotency key was used otherwise.",
  410: "What stands in the place of the job's record cannot be read.",
  412: "It has changed since; read it again.",
  413: "The body is too large.",
  416: "The file has no such bytes.",
  415: "The body is not JSON in UTF-8.",
  422: "The body does not fit the schema; `field` says where.",
  429: "The queue is full, or there were too many requests; repeat after `Retry-After` seconds.",
  500: "Millrace failed.",
  503: "The broker or the worker cannot be reached; repeat after `Retry-After` seconds.",
  507: "The broker has no space left.",
} as const;

export const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { "application/json": { schema } },
});

/** As `c.json`, for what is asked for often: its headers go to the connection as they are, not through a `Headers`. */
export const jsonAnswer = <T, S extends ContentfulStatusCode>(
  value: T,
  status: S,
  headers: Readonly<Record<string, string>>,
) =>
  new Response(JSON.stringify(value), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  }) as Response & TypedResponse<JSONParsed<T>, S, "json">;

/** A JSON body in the document. `readJson` reads it and the handler's schema checks it, stricter than a validator here could. */
export const jsonBody = (schema: { $ref: string } | { type: "object"; properties: object }) => ({
  content: { "application/json": { schema: schema as object } },
});

const CODES: Partial<Record<keyof ValidationTargets, ErrorCode>> = {
  param: "invalid_id",
  query: "invalid_query",
  header: "invalid_header",
};

/** Turns a parameter that does not fit its schema into an error. */
export const refuseMisfits: Hook<unknown, HttpEnv, string, void> = (result) => {
  if (!result.success) throw misfit(result.target, result.error);
};

/** What a route without a validator is given; throws as one with it. */
export function valid<T extends z.ZodType>(
  target: keyof ValidationTargets,
  schema: T,
  value: unknown,
): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw misfit(target, parsed.error);
}

function misfit(target: keyof ValidationTargets, error: z.ZodError): MillraceError {
  const issue = error.issues[0];
  const path = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : (issue?.path ?? []);
  const field = fieldPath(path);
  return new MillraceError(
    CODES[target] ?? "invalid_query",
    `${field}: ${issue?.message ?? "not acceptable"}`,
    { field, cause: error },
  );
}

const MAX_WAIT_MS = 60_000;

/** `?wait=30s`, in milliseconds. */
export const waitParameter = z
  .string()
  .refine(
    (text) => (parseDuration(text) ?? Infinity) <= MAX_WAIT_MS,
    "must be a duration up to 60s",
  )
  .transform(durationMs)
  .optional()
  .openapi({
    type: "string",
    description: "Answer when the job is final, or after this long.",
    example: "30s",
  });
