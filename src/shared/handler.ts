// Handlers: TypeScript functions that workers run as jobs, and what a module must say to define one.
import { MillraceError } from "./errors.ts";
import { isVersion } from "./handler-reference.ts";
import type { Origin } from "./job.ts";
import { isName } from "./names.ts";
import { duration } from "./fields.ts";
import { fieldPath, retrySchema, type RetryPolicy } from "./spec.ts";

/** Lives on one worker for as long as the reservation does. */
export type Session = {
  /** Directory that programs of the reservation start in. */
  readonly dir: string;
  /** Whatever handlers leave for each other. */
  readonly state: Map<string, unknown>;
};

export type ArtifactContent = string | Uint8Array | { file: string };

/** What a handler can do while it runs. */
export type HandlerContext = {
  readonly jobId: string;
  /** Number of this attempt, counted from 1. */
  readonly attempt: number;
  readonly workerId: string;
  /** The job's own labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The group that the job belongs to; in an array its place from 0, how many there are, and the values it stands for. */
  readonly group?: Readonly<NonNullable<Origin["group"]>>;
  /** The schedule that fired, and the instant that it fired for: not when the job was submitted or started. */
  readonly schedule?: { readonly name: string; readonly at: Date };
  /** What the jobs of a reservation share; absent for a job outside one. */
  readonly session?: Session;
  /** Aborts on cancel, on timeout and when the worker leaves. A handler that ignores it keeps its slot until it returns. */
  readonly signal: AbortSignal;
  /**
   * Writes one line to the attempt's output; values that are not strings are shown as `console.log` shows them.
   * Await what it returns when writing a lot, so that the output can keep up.
   */
  log(...values: unknown[]): void | Promise<void>;
  /**
   * Keeps a file for whoever looks at the job: a text, bytes, or what is in a file by now. `path` is relative, as
   * "report.html" or "plots/1.png"; a second one of a path takes the first one's place. Resolves when it is stored, to
   * false when it is left out: the job may leave behind no more.
   */
  artifact(path: string, content: ArtifactContent): Promise<boolean>;
  /** Says how far the handler is, from 0 to 1, and optionally in words. Shown on the running attempt; the last word counts. */
  progress(value: number, note?: string): void;
};

/** The part of a zod schema that is used, so that the handlers' zod need not be ours. */
export type InputSchema<Input> = {
  safeParse(
    value: unknown,
  ): { success: true; data: Input } | { success: false; error: { issues: readonly InputIssue[] } };
};

export type InputIssue = { readonly path: readonly PropertyKey[]; readonly message: string };

export type Handler<Input = unknown, Result = unknown> = {
  /** What jobs name in `handler`: 1-64 letters, digits, `-` and `_`. */
  name: string;
  /** A full version as "2.1.0", which jobs may ask for as "name@^2"; absent: only jobs that ask for none get here. */
  version?: string;
  /** Checks what the job gives; input that does not fit ends the job as failed, without a retry. */
  input?: InputSchema<Input>;
  /** Holds for jobs that name no retry policy. */
  retry?: RetryPolicy;
  /** Longest run of one attempt, as "30s"; holds for jobs that name none. */
  timeout?: string;
  /** What it returns (JSON, at most 4 MiB) is the job's result; what it throws fails the attempt. */
  run(input: Input, context: HandlerContext): Result | Promise<Result>;
};

/** Checks a handler and returns it; a module in the handlers' directory exports it as default. Throws `invalid_config`. */
export function defineHandler<Input = unknown, Result = unknown>(
  handler: Handler<Input, Result>,
): Handler<Input, Result> {
  const problem = handlerProblem(handler);
  if (problem === undefined) return handler;
  throw new MillraceError("invalid_config", `This is no handler: ${problem}.`);
}

/** Why a value is no handler; undefined when it is one. */
export function handlerProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return "it is not an object with name and run; export default defineHandler({ … })";
  const { name, version, input, retry, timeout, run } = value as Partial<Handler>;
  if (typeof name !== "string" || !isName(name))
    return "name must be 1-64 letters, digits, - or _, starting and ending with a letter or digit";
  if (version !== undefined && !isVersion(version))
    return 'version must be a full version such as "2.1.0"';
  if (typeof run !== "function") return "run must be a function";
  return optionsProblem(input, timeout) ?? retryProblem(retry);
}

function optionsProblem(input: unknown, timeout: unknown): string | undefined {
  if (input !== undefined && typeof (input as InputSchema<unknown>)?.safeParse !== "function")
    return "input must be a zod schema";
  if (timeout !== undefined && !duration({ minMs: 1 }).safeParse(timeout).success)
    return 'timeout must be a duration such as "30s"';
  return undefined;
}

function retryProblem(retry: unknown): string | undefined {
  if (retry === undefined) return undefined;
  const issue = retrySchema.safeParse(retry).error?.issues[0];
  return issue && `${fieldPath(["retry", ...issue.path])}: ${issue.message}`;
}
