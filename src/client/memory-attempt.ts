// One attempt of a job in memory: the handler itself, or what the test says a program would do.
import { format } from "node:util";

import { durationMs } from "../shared/durations.ts";
import type { Handler, HandlerContext } from "../shared/handler.ts";
import { refused, returned, threw } from "../shared/handler-ending.ts";
import { deferred } from "../shared/io/lifecycle.ts";
import type { Ending, JobRecord } from "../shared/job.ts";
import type { JobSpec } from "../shared/spec.ts";

/** Where what an attempt says and leaves goes. */
export type Outlets = { say: Say; keep: HandlerContext["artifact"] };
export type Say = (channel: "stdout" | "stderr", text: string) => void;

/** What a program would print and how it would end. */
export type Program = (spec: JobSpec, signal: AbortSignal) => ProgramEnd | Promise<ProgramEnd>;
export type ProgramEnd = { exitCode: number; stdout?: string; stderr?: string };

/** Ends at once when the signal aborts or the time is up, whatever the handler does about it. */
export async function runAttempt(
  record: JobRecord,
  handler: Handler | undefined,
  program: Program,
  stop: AbortSignal,
  outlets: Outlets,
): Promise<Ending> {
  const timeout = record.spec.timeout ?? handler?.timeout;
  const limit = new AbortController();
  const forced = deferred<Ending>();
  const end = (ending: Ending) => {
    forced.resolve(ending);
    limit.abort();
  };
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => end({ outcome: "timed_out" }), durationMs(timeout));
  stop.addEventListener("abort", () => end({ outcome: "cancelled" }), { once: true });
  if (stop.aborted) end({ outcome: "cancelled" });
  try {
    const work =
      handler === undefined
        ? playProgram(record.spec, program, limit.signal, outlets.say)
        : callHandler(record, handler, limit.signal, outlets);
    return await Promise.race([work, forced.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function playProgram(
  spec: JobSpec,
  program: Program,
  signal: AbortSignal,
  say: Say,
): Promise<Ending> {
  const { exitCode, stdout, stderr } = await program(spec, signal);
  if (stdout !== undefined) say("stdout", stdout);
  if (stderr !== undefined) say("stderr", stderr);
  return { outcome: "exited", exitCode };
}

async function callHandler(
  { id, attempt, spec }: JobRecord,
  handler: Handler,
  signal: AbortSignal,
  { say, keep }: Outlets,
): Promise<Ending> {
  const context: HandlerContext = {
    jobId: id,
    attempt,
    workerId: "memory-00000000",
    labels: spec.labels ?? {},
    signal,
    log: (...values) => say("stdout", `${format(...values)}\n`),
    artifact: keep,
    progress: () => undefined,
  };
  try {
    // as JSON, since that is how it would have come
    const given: unknown =
      spec.input === undefined ? undefined : JSON.parse(JSON.stringify(spec.input));
    const input = handler.input?.safeParse(given);
    if (input?.success === false) return refused(input.error.issues);
    return returned(await handler.run(input === undefined ? given : input.data, context));
  } catch (error) {
    return threw(error);
  }
}
