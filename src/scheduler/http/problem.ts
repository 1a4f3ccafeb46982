// Turns whatever went wrong into an RFC 9457 answer.
import { STATUS_CODES } from "node:http";

import type { Context, ErrorHandler } from "hono";

import { hasCode, MillraceError, toProblem } from "../../shared/errors.ts";
import type { Log } from "../../shared/io/log.ts";
import type { HttpEnv } from "./env.ts";

const MEDIA_TYPE = "application/problem+json";
const RETRY_AFTER_S = 2;

/** The answer to a failed request. */
export function problemAnswer(c: Context<HttpEnv>, error: unknown): Response {
  const problem = { ...toProblem(error, c.get("requestId")), ...c.get("problemMembers") };
  return c.body(JSON.stringify(problem), problem.status as 500, {
    "Content-Type": MEDIA_TYPE,
    ...retryAfter(error),
    ...challenge(error),
    // what is left of the request is not worth reading
    ...(hasCode(error, "body_too_large", "request_timeout") ? { Connection: "close" } : {}),
  });
}

function retryAfter(error: unknown): Record<string, string> {
  if (!(error instanceof MillraceError && error.retryable && error.status >= 429)) return {};
  return { "Retry-After": String(error.retryAfterS ?? RETRY_AFTER_S) };
}

/** Tells how to say who one is, as RFC 6750 has it. */
function challenge(error: unknown): Record<string, string> {
  if (hasCode(error, "unauthenticated")) return { "WWW-Authenticate": "Bearer" };
  if (hasCode(error, "invalid_token", "token_expired"))
    return { "WWW-Authenticate": 'Bearer error="invalid_token"' };
  if (hasCode(error, "insufficient_scope"))
    return { "WWW-Authenticate": 'Bearer error="insufficient_scope"' };
  return {};
}

/** What is not a `MillraceError` is ours to explain: it goes to the log whole, and to the caller as `internal`. */
export const createErrorHandler =
  (log: Log): ErrorHandler<HttpEnv> =>
  (error, c) => {
    if (!(error instanceof MillraceError) || error.status === 500)
      log.error({ event: "request_failed", requestId: c.get("requestId"), error }, error.message);
    return problemAnswer(c, error);
  };

/** The answer to what never became a request, in parts. */
export function bareProblem(error: MillraceError) {
  const body = JSON.stringify(toProblem(error));
  return { status: error.status, headers: { "Content-Type": MEDIA_TYPE }, body };
}

/** The same in the bytes of HTTP/1.1. */
export function rawProblem(error: MillraceError): string {
  const { status, headers, body } = bareProblem(error);
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Content-Type: ${headers["Content-Type"]}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
