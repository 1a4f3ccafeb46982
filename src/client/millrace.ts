// What the library can do, whichever way it reaches a Millrace.
import { setMaxListeners } from "node:events";

import type { Handler } from "../shared/handler.ts";
import { MillraceError } from "../shared/errors.ts";
import { isFinal } from "../shared/job.ts";
import type { ReservationRequest } from "../shared/reservation.ts";
import type { JobSpec } from "../shared/spec.ts";
import type { ArtifactList, ArtifactOptions } from "./artifacts.ts";
import type { LogQuery } from "./follow.ts";
import type { Job } from "./job.ts";
import type { LogEntry } from "./log-entries.ts";

export type SubmitOptions = {
  /** The same key and spec always mean the same job; default: one that is made up, so that repeating is harmless. */
  key?: string;
  signal?: AbortSignal;
};

/** A spec without what the handler and its input say. */
export type RunOptions = Omit<JobSpec, "command" | "script" | "handler" | "input"> & SubmitOptions;

export type LogOptions = LogQuery & {
  /** Go on until the job is over; default true. */
  follow?: boolean;
  signal?: AbortSignal;
};

export type ReserveOptions = Partial<ReservationRequest> & { signal?: AbortSignal };

/** Disposing gives it back. */
export type Reservation = AsyncDisposable &
  Pick<Millrace, "submit" | "run"> & {
    readonly id: string;
    readonly worker: string;
    readonly slots: number;
    /** Good for so long from now on; default: as long as it was asked for. Throws `reservation_over`. */
    renew(ttl?: string): Promise<void>;
    /** Ends it; what still runs in it is cancelled. */
    release(): Promise<void>;
  };

export type Millrace = AsyncDisposable & {
  /** Resolves to the job's id once it is stored. Throws `invalid_spec` with the field. */
  submit(spec: JobSpec, options?: SubmitOptions): Promise<string>;
  /**
   * Runs a handler as a job and resolves to what it returned. Throws `job_unsuccessful` when the job ends otherwise.
   * A name instead of the handler gives up the types.
   */
  run<Input, Result>(
    handler: Handler<Input, Result> | string,
    input: NoInfer<Input>,
    options?: RunOptions,
  ): Promise<Awaited<Result>>;
  /** The job as it is now. Throws `job_not_found`. */
  job(id: string): Promise<Job>;
  /** The job once it is over, however it ended. Survives a server that goes away for a while. */
  wait(id: string, options?: { signal?: AbortSignal }): Promise<Job>;
  /** The output, chunk by chunk, without gap or repeat; `bytesOf` gives a chunk's bytes. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogEntry>;
  /** What the job left behind. */
  artifacts(id: string, options?: ArtifactOptions): Promise<ArtifactList>;
  /** One file of it, as its bytes arrive. Throws `file_not_found`. */
  artifact(id: string, path: string, options?: ArtifactOptions): AsyncIterable<Uint8Array>;
  /**
   * Slots of one worker, held until they are given back or their `ttl` has passed since the last renewal.
   * Throws `workers_busy` and `reservation_unmatched` when the waits that were asked for are over.
   */
  reserve(request?: ReserveOptions): Promise<Reservation>;
  cancel(id: string, reason?: string): Promise<void>;
  /** Runs a finished job again. Throws `job_not_finished`. */
  retry(id: string): Promise<void>;
  /** Lets go of every connection; the same as disposing it. */
  close(): Promise<void>;
};

export const NEVER: AbortSignal = new AbortController().signal;
// every call without a signal of its own listens to it for as long as it takes
setMaxListeners(0, NEVER);

/** `run`, by the other verbs. */
export async function runHandler<Input, Result>(
  millrace: Pick<Millrace, "submit" | "wait">,
  handler: Handler<Input, Result> | string,
  input: Input,
  { key, signal, ...spec }: RunOptions = {},
): Promise<Awaited<Result>> {
  const name = typeof handler === "string" ? handler : handler.name;
  const given = {
    ...(key === undefined ? {} : { key }),
    ...(signal === undefined ? {} : { signal }),
  };
  const whole = { ...spec, handler: name, ...(input === undefined ? {} : { input }) } as JobSpec;
  const id = await millrace.submit(whole, given);
  const job = await millrace.wait(id, given);
  if (job.state === "succeeded") return job.result as Awaited<Result>;
  throw unsuccessful(job);
}

/** A reservation whose jobs go the way of the others. */
export function reservationOf(
  millrace: Pick<Millrace, "submit" | "wait">,
  held: Pick<Reservation, "id" | "worker" | "slots" | "renew" | "release">,
): Reservation {
  const { id: reservation, release } = held;
  const inside = {
    submit: (spec: JobSpec, options?: SubmitOptions) =>
      millrace.submit({ ...spec, reservation }, options),
    wait: millrace.wait,
  };
  return {
    ...held,
    submit: inside.submit,
    run: (handler, input, options) => runHandler(inside, handler, input, options),
    [Symbol.asyncDispose]: release,
  };
}

function unsuccessful({ id, state, reason }: Job): MillraceError {
  const why = isFinal(state) && reason !== undefined ? `: ${reason}` : ".";
  return new MillraceError("job_unsuccessful", `Job ${id} ${state}${why}`);
}
