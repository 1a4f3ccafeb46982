// What the command line's exit codes mean: the job's own code, or one of Millrace's from 200 on.
import { constants } from "node:os";

import { isFinal, type JobState, type Outcome } from "../shared/job.ts";
import { MillraceError, type ErrorCode } from "../shared/errors.ts";

/** Codes that no job gave. A job may exit with one of them too: `--json` tells which it was. */
export const EXIT = {
  ok: 0,
  /** The server answered with an error, or the command line itself broke. */
  failed: 200,
  usage: 201,
  unreachable: 202,
  spawnFailed: 203,
  expired: 204,
  cancelled: 205,
  workerLost: 206,
  detached: 207,
  timedOut: 208,
} as const;

const SIGNAL_BASE = 128;
const HANDLER_FAILED = 1;

export const EXIT_CODES_HELP = `
Exit codes of run and wait:
  0-199     the job's own exit code; 1 for a handler that failed
  128+n     signal n ended the job, or Ctrl-C (130) cancelled it
  ${EXIT.failed}       Millrace failed: the server refused, or something broke
  ${EXIT.usage}       wrong usage: an option or a field of the job is not acceptable
  ${EXIT.unreachable}       no server or broker answers
  ${EXIT.spawnFailed}       the job could not be started (no such program, bad directory)
  ${EXIT.expired}       the job expired before it started
  ${EXIT.cancelled}       somebody else cancelled the job
  ${EXIT.workerLost}       the job's worker is gone
  ${EXIT.detached}       you left; the job goes on
  ${EXIT.timedOut}       the job ran into its timeout
A job may itself exit with 200 or more; --json tells the two apart.`;

/** What the exit code is made from; a job as the API shows it has it all. */
export type JobEnd = {
  state: JobState;
  outcome?: Outcome | undefined;
  exitCode?: number | undefined;
  signal?: string | undefined;
};

/** The exit code that stands for a job's end. */
export function exitCodeOf(job: JobEnd): number {
  if (!isFinal(job.state)) return EXIT.detached;
  switch (job.state) {
    case "succeeded":
      return EXIT.ok;
    case "cancelled":
      return EXIT.cancelled;
    case "expired":
      return EXIT.expired;
    case "failed":
      return failureCode(job);
  }
}

function failureCode({ outcome, exitCode, signal }: JobEnd): number {
  switch (outcome) {
    case "exited":
      return exitCode ?? EXIT.failed;
    case "signalled":
      return signalCode(signal ?? "");
    case "threw":
    case "invalid_input":
      return HANDLER_FAILED;
    case "timed_out":
      return EXIT.timedOut;
    case "cancelled":
      return EXIT.cancelled;
    case "spawn_failed":
      return EXIT.spawnFailed;
    case "worker_lost":
    case "handed_back":
      return EXIT.workerLost;
    case undefined:
      return EXIT.failed;
  }
}

/** 128 + the signal's number, as shells say it. */
export function signalCode(signal: string): number {
  const number = constants.signals[signal as NodeJS.Signals] as number | undefined;
  return number === undefined ? EXIT.failed : SIGNAL_BASE + number;
}

const USAGE: ReadonlySet<ErrorCode> = new Set([
  "invalid_spec",
  "invalid_query",
  "invalid_id",
  "invalid_header",
  "invalid_cursor",
  "invalid_config",
  "body_too_large",
]);
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set(["server_unreachable", "broker_unavailable"]);

/** The exit code of an error that ended a command. */
export function exitCodeOfError(error: unknown): number {
  if (!(error instanceof MillraceError)) return EXIT.failed;
  if (USAGE.has(error.code)) return EXIT.usage;
  return UNREACHABLE.has(error.code) ? EXIT.unreachable : EXIT.failed;
}
