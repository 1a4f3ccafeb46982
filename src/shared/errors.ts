// The one error class of Millrace and the table of its codes: HTTP status, title and whether repeating can help.

const CODES = {
  invalid_json: { status: 400, retry: false, title: "The body is not valid JSON" },
  invalid_id: { status: 400, retry: false, title: "This is not an id that Millrace gave out" },
  invalid_cursor: {
    status: 400,
    retry: false,
    title: "The cursor was not given out for this request",
  },
  invalid_query: { status: 400, retry: false, title: "A query parameter is not acceptable" },
  invalid_header: { status: 400, retry: false, title: "A header is not acceptable" },
  unauthenticated: { status: 401, retry: false, title: "Say who you are" },
  invalid_token: { status: 401, retry: false, title: "The token or key is not accepted" },
  token_expired: { status: 401, retry: false, title: "The token or key has expired" },
  insufficient_scope: { status: 403, retry: false, title: "You may not do that" },
  invalid_host: { status: 421, retry: false, title: "This server does not answer for that host" },
  forbidden_origin: { status: 403, retry: false, title: "Requests from that origin are refused" },
  not_found: { status: 404, retry: false, title: "There is nothing here" },
  job_not_found: { status: 404, retry: false, title: "There is no such job" },
  group_not_found: { status: 404, retry: false, title: "There is no such group" },
  definition_not_found: { status: 404, retry: false, title: "There is no such definition" },
  schedule_not_found: { status: 404, retry: false, title: "There is no such schedule" },
  calendar_not_found: { status: 404, retry: false, title: "There is no such calendar" },
  worker_not_found: { status: 404, retry: false, title: "There is no such worker" },
  attempt_not_found: { status: 404, retry: false, title: "The job has no such attempt" },
  bundle_not_found: { status: 404, retry: false, title: "There is no such bundle" },
  file_not_found: { status: 404, retry: false, title: "There is no such file" },
  method_not_allowed: { status: 405, retry: false, title: "The method is not allowed here" },
  request_timeout: { status: 408, retry: true, title: "The request did not arrive in time" },
  job_finished: { status: 409, retry: false, title: "The job has already finished" },
  job_not_finished: { status: 409, retry: false, title: "The job has not finished yet" },
  definition_disabled: { status: 409, retry: false, title: "The definition is disabled" },
  run_active: { status: 409, retry: true, title: "A run of the definition is under way" },
  bundle_full: { status: 409, retry: false, title: "The bundle has too many versions" },
  calendar_in_use: { status: 409, retry: false, title: "A schedule uses the calendar" },
  idempotency_conflict: {
    status: 409,
    retry: false,
    title: "The idempotency key was used with another body",
  },
  job_unsuccessful: { status: 409, retry: false, title: "The job did not succeed" },
  key_busy: { status: 409, retry: true, title: "Jobs of the same key have not finished" },
  already_enrolled: { status: 409, retry: false, title: "The worker is enrolled already" },
  reservation_unmatched: { status: 409, retry: false, title: "No worker matches" },
  reservation_over: { status: 409, retry: false, title: "The reservation is over" },
  illegal_move: { status: 409, retry: false, title: "The job cannot change that way" },
  attempt_superseded: {
    status: 409,
    retry: false,
    title: "The attempt is no longer the job's current one",
  },
  lost_race: { status: 409, retry: true, title: "Somebody else changed it first" },
  job_unreadable: { status: 410, retry: false, title: "The job's record cannot be read" },
  precondition_failed: {
    status: 412,
    retry: false,
    title: "The record has changed since it was read",
  },
  body_too_large: { status: 413, retry: false, title: "The body is too large" },
  unsupported_media_type: { status: 415, retry: false, title: "The media type is not supported" },
  range_unsatisfiable: { status: 416, retry: false, title: "The file has no such bytes" },
  invalid_spec: { status: 422, retry: false, title: "The request does not fit the schema" },
  invalid_archive: { status: 422, retry: false, title: "The archive is not acceptable" },
  quota_exceeded: { status: 429, retry: true, title: "The namespace has its share already" },
  queue_full: { status: 429, retry: true, title: "The queue is full" },
  too_many_requests: { status: 429, retry: true, title: "Too many requests" },
  headers_too_large: { status: 431, retry: false, title: "The headers are too large" },
  file_damaged: { status: 500, retry: false, title: "The file is not what it was" },
  internal: { status: 500, retry: false, title: "Millrace failed" },
  broker_misconfigured: {
    status: 500,
    retry: false,
    title: "The broker is not set up as Millrace needs it",
  },
  broker_too_old: { status: 500, retry: false, title: "The broker is too old" },
  invalid_config: { status: 500, retry: false, title: "The configuration is not acceptable" },
  server_unreachable: { status: 503, retry: true, title: "No Millrace server answers" },
  broker_unavailable: { status: 503, retry: true, title: "The broker cannot be reached" },
  workers_busy: { status: 503, retry: true, title: "All workers that match are busy" },
  worker_unreachable: { status: 503, retry: true, title: "The worker did not answer" },
  identity_unavailable: { status: 503, retry: true, title: "Nobody can be identified just now" },
  storage_full: { status: 507, retry: true, title: "The broker has no space left" },
} as const satisfies Record<string, { status: number; retry: boolean; title: string }>;

/** Stable name of what went wrong; callers branch on it, never on the message. */
export type ErrorCode = keyof typeof CODES;

export const ERROR_CODES = Object.keys(CODES) as ErrorCode[];

export type MillraceErrorOptions = {
  cause?: unknown;
  /** Path of the offending input, as `retry.attempts` or `command[3]`. */
  field?: string;
  /** Seconds after which repeating makes sense. */
  retryAfterS?: number;
};

/** Every failure that Millrace reports. `message` says what to do next where there is something to do. */
export class MillraceError extends Error {
  override readonly name = "MillraceError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterS = options.retryAfterS;
  }

  get status(): number {
    return CODES[this.code].status;
  }

  get title(): string {
    return CODES[this.code].title;
  }

  /** True when the same call may succeed later without being changed. */
  get retryable(): boolean {
    return CODES[this.code].retry;
  }
}

export function hasCode(error: unknown, ...codes: ErrorCode[]): error is MillraceError {
  return error instanceof MillraceError && codes.includes(error.code);
}

/** RFC 9457 body of an error; anything that is not a MillraceError is hidden behind `internal`. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  field?: string;
  requestId?: string;
};

export function toProblem(error: unknown, requestId?: string): Problem {
  const known =
    error instanceof MillraceError
      ? error
      : new MillraceError("internal", "See the scheduler's log for the reason.");
  return {
    type: `https://millrace.dev/problems/${known.code}`,
    title: known.title,
    status: known.status,
    code: known.code,
    detail: known.message,
    ...(known.field === undefined ? {} : { field: known.field }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}
