// The protocol between a worker and its launcher: frame types, payloads, and the rules that both sides keep.

/**
 * The worker writes to the launcher's standard input and reads its standard output; both carry frames only:
 *
 *     length u32 | type u8 | attempt u32 | payload        big endian; `length` counts the payload alone
 *
 * A payload is output as it is, or a list of fields: texts, each ended by NUL, numbers as decimal digits. The worker
 * numbers its attempts; a number is never used twice on one connection. Frames of an attempt arrive in order:
 *
 *     worker                        launcher
 *                                   ready     once, before everything else; attempt 0, no fields
 *     spawn  SpawnRequest     ──►   started   Started, or failed: Failure, the last frame
 *     credit bytes consumed   ──►   stdout, stderr   bytes, at most 64 KiB each
 *     stop   TERM, then KILL after the spawn's graceMs · kill   at once; no fields
 *                                   exited    ExitReport, the last frame: all output went before it
 *                                   strays    Strays, later: processes that outlived the attempt
 *
 *     spawn:   graceMs · cwd · tag · stdin · group · uid · gid · each limit, in the order of LIMITS
 *              · number of arguments · each argument · each variable as NAME=value
 *     credit:  bytes
 *     started: pid · at
 *     failed:  at · part · errno · file
 *     exited:  at · exit code · signal number, or 0 · stopped, 0 or 1 · strays · CPU µs · maximum resident KiB
 *     strays:  tag · count
 *
 * What is not set (the group, uid, gid, limits; CPU and resident size where they are not known) is an empty field.
 *
 * Back-pressure: the launcher stops reading a program's pipes while WINDOW_BYTES of its output are not yet credited.
 * When the launcher's input ends, the worker is gone: every attempt is killed with all it has started, then it exits.
 *
 * There are two launchers: `native/` in C, built where there is a compiler, and the one that main.ts starts, in Node.
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
export const WINDOW_BYTES = 1024 * 1024;

/** The worker credits what it consumed in lumps of at least this much, so that short outputs cost no frame. */
export const CREDIT_BYTES = 128 * 1024;

/** Environment variable by which the processes of an attempt are found again wherever they have gone. */
export const TAG_VARIABLE = "MILLRACE_TAG";

/** What the system limits for a program and, each on its own, for all that it starts. */
export const LIMITS = ["cpuSeconds", "memoryBytes", "openFiles", "processes", "fileBytes"] as const;
export type Limits = Partial<Record<(typeof LIMITS)[number], number>>;

/** Whose rights a program has. */
export type User = { uid: number; gid: number };

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
  /** Needs a launcher that is root; default: the launcher's own. */
  user?: User;
  limits?: Limits;
  /** The `cgroup.procs` of the control group that it starts in; default: the launcher's own. */
  group?: string;
};

/** `at` here and below: epoch milliseconds. */
export type Started = { pid: number; at: number };

/** What a program needs and could not have: its working directory, its file, the #! interpreter of that, its input, or resources. */
export type FailedPart = "directory" | "program" | "interpreter" | "input" | "system";

/** The program could not be started. */
export type Failure = {
  at: number;
  part: FailedPart;
  /** Errno name. */
  code: string;
  /** The interpreter that is missing; empty when that is not known, and for the other parts. */
  file: string;
};

export type ExitReport = {
  ended: { kind: "exited"; code: number } | { kind: "signalled"; signal: string };
  at: number;
  /** True when stop or kill reached the program before its end was seen. */
  stopped: boolean;
  /** Processes that had left the group and were killed with the attempt. */
  strays: number;
  /** What the program and its waited-for children used, where the launcher can tell. */
  usage?: { cpuMs: number; maxRssKb: number };
};

/** Processes of an attempt that were found and killed after its end. */
export type Strays = { tag: string; count: number };
