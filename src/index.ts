// What the package gives to handler modules and to programs that use a Millrace.
export type { ArtifactList, ArtifactOptions } from "./client/artifacts.ts";
export { connect, type ConnectOptions } from "./client/connect.ts";
export type { Job } from "./client/job.ts";
export { bytesOf, type LogEntry } from "./client/log-entries.ts";
export { createMemoryMillrace, type MemoryMillrace, type MemoryOptions } from "./client/memory.ts";
export type { Program, ProgramEnd } from "./client/memory-attempt.ts";
export type {
  LogOptions,
  Millrace,
  Reservation,
  ReserveOptions,
  RunOptions,
  SubmitOptions,
} from "./client/millrace.ts";
export { MillraceError, type ErrorCode } from "./shared/errors.ts";
export {
  defineHandler,
  type ArtifactContent,
  type Handler,
  type HandlerContext,
  type InputIssue,
  type InputSchema,
} from "./shared/handler.ts";
export type { JobSpec, RetryPolicy } from "./shared/spec.ts";
