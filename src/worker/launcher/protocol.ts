// The protocol between a worker and its launcher: frame types, payloads, and the rules that both sides keep.

/**
 * The worker writes to the launcher's standard input and reads its standard output; both carry frames only:
 *
 *     length u32 | type u8 | attempt u32 | payload        big endian; `length` counts the payload alone
 *
 * The worker numbers its attempts; a number is never used twice on one connection. Frames of an attempt arrive in order:
 *
 *     worker                                 launcher
 *                                            ready     once, before everything else; attempt 0
 *     spawn  SpawnRequest (JSON)       ──►   started   Started (JSON), or failed: Failure (JSON), the last frame
 *     credit u32 bytes consumed        ──►   stdout, stderr   bytes, at most 64 KiB each
 *     stop   TERM, then KILL after the spawn's graceMs · kill   at once
 *                                            exited    ExitReport (JSON), the last frame: all output went before it
 *                                            strays    Strays (JSON), later: processes that outlived the attempt
 *
 * Back-pressure: the launcher stops reading a program's pipes while WINDOW_BYTES of its output are not yet credited.
 * When the launcher's input ends, the worker is gone: every attempt is killed with all it has started, then it exits.
 */
export const FRAME = {
  spawn: 1,
  stop: 2,
  kill: 3,
  credit: 4,
  ready: 64,
  started: 65,
  stdout: 66,
  stderr: 67,
  exited: 68,
  failed: 69,
  strays: 70,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Output of one attempt that may be on its way to the worker, both channels together. */
export const WINDOW_BYTES = 512 * 1024;

/** The worker credits what it consumed in lumps of at least this much, so that short outputs cost no frame. */
export const CREDIT_BYTES = 128 * 1024;

/** Environment variable by which the processes of an attempt are found again wherever they have gone. */
export const TAG_VARIABLE = "MILLRACE_TAG";

export type SpawnRequest = {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** `<job>.<attempt>`; also the value of TAG_VARIABLE in `env`. */
  tag: string;
  /** File that the program reads as its standard input; /dev/null for none. */
  stdin: string;
  /** Time between TERM and KILL. */
  graceMs: number;
};

/** `at` here and below: epoch milliseconds. */
export type Started = { pid: number; at: number };

/** The program could not be started. `code` is an errno name; `reason` is for people. */
export type Failure = { code: string; reason: string; at: number };

export type ExitReport = {
  ended: { kind: "exited"; code: number } | { kind: "signalled"; signal: string };
  at: number;
  /** True when stop or kill reached the program before its end was seen. */
  stopped: boolean;
  /** Processes that had left the group and were killed with the attempt. */
  strays: number;
  /** What the program and its waited-for children used, where the launcher can tell. */
  usage?: { cpuMs?: number; maxRssKb?: number };
};

/** Processes of an attempt that were found and killed after its end. */
export type Strays = { tag: string; count: number };
