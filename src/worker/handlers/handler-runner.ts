// Runs a handler as an attempt: input checked, time limited, stopped by its signal.
import { format } from "node:util";

import { durationMs, formatDuration } from "../../shared/durations.ts";
import type { Handler, HandlerContext } from "../../shared/handler.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Ending } from "../../shared/job.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import { startTimer } from "../command/long-timer.ts";
import type { BoxedRequest } from "../run-request.ts";
import { StopSign } from "../stop-sign.ts";
import { WAS_LEAVING, type RunEnd } from "../verdict.ts";
import { refused, returned, threw } from "../../shared/handler-ending.ts";
import type { Handlers } from "./loader.ts";

export type HandlerRunner = { run(name: string, request: BoxedRequest): Promise<RunEnd> };

type Limits = { timeoutMs: number | undefined; graceMs: number };

/** `kill` ends the patience with handlers that ignore their signal. */
export function createHandlerRunner(deps: {
  handlers: Handlers;
  workerId: string;
  clock: Clock;
  kill: AbortSignal;
}): HandlerRunner {
  const { handlers, workerId, clock } = deps;
  const killed = StopSign.of(deps.kill);

  function contextOf(request: BoxedRequest, limit: StopSign<unknown>): HandlerContext {
    const { record, attempt, output, artifacts, onProgress, session } = request;
    const { group, schedule } = record.origin ?? {};
    return {
      jobId: record.id,
      attempt,
      workerId,
      labels: record.spec.labels ?? {},
      ...(group === undefined ? {} : { group }),
      ...(schedule === undefined
        ? {}
        : { schedule: { name: schedule.name, at: new Date(schedule.at) } }),
      ...(session === undefined ? {} : { session }),
      get signal() {
        return limit.signal;
      },
      log: (...values) => output.write("stdout", Buffer.from(`${format(...values)}\n`)),
      artifact: artifacts.add,
      progress(value, note) {
        const bounded = Math.min(1, Math.max(0, value || 0));
        onProgress({ value: bounded, ...(note === undefined ? {} : { note: note.slice(0, 200) }) });
      },
    };
  }

  async function call(
    handler: Handler,
    request: BoxedRequest,
    limit: StopSign<unknown>,
  ): Promise<Ending> {
    try {
      const input = handler.input?.safeParse(request.record.spec.input);
      if (input?.success === false) return refused(input.error.issues);
      const given = input === undefined ? request.record.spec.input : input.data;
      return returned(await handler.run(given, contextOf(request, limit)));
    } catch (error) {
      if (!limit.isRaised && error instanceof Error && error.stack !== undefined)
        void request.output.write("stderr", Buffer.from(`${error.stack}\n`));
      return threw(error);
    }
  }

  /** Its own end, or the end that Millrace makes of it when the time is up or somebody stops it. */
  async function runLimited(
    handler: Handler,
    request: BoxedRequest,
    { timeoutMs, graceMs }: Limits,
  ): Promise<Ending> {
    const limit = new StopSign<unknown>();
    const impatient = deferred<"still running">();
    let grace: Disposable | undefined;
    let forced: Ending | undefined;

    function end(ending: Ending, reason: unknown): void {
      if (forced !== undefined) return;
      forced = ending;
      grace = startTimer(graceMs, () => impatient.resolve("still running"));
      limit.raise(reason);
    }

    using _stopped = request.stop.onRaised(() =>
      end({ outcome: "cancelled" }, request.stop.reason),
    );
    using _timer =
      timeoutMs === undefined
        ? undefined
        : startTimer(timeoutMs, () => {
            const reason = `The handler was not done within ${formatDuration(timeoutMs)}.`;
            end({ outcome: "timed_out", reason }, "timed_out");
          });
    using _killed = killed.onRaised(() => impatient.resolve("still running"));

    const work = call(handler, request, limit);
    const first = await Promise.race([work, impatient.promise]);
    grace?.[Symbol.dispose]();
    if (first === "still running") request.onLingering(work);
    if (forced !== undefined) return forced;
    return first === "still running" ? { outcome: "cancelled" } : first;
  }

  return {
    async run(name, request) {
      const handler = handlers.get(name);
      if (handler === undefined)
        return { kind: "not_started", reason: `This worker has no handler ${name}.` };
      if (!(await request.mayStart())) return WAS_LEAVING;
      const { spec } = request.record;
      request.onStarted(clock.now());
      const timeout = spec.timeout ?? handler.timeout;
      const ending = await runLimited(handler, request, {
        timeoutMs: timeout === undefined ? undefined : durationMs(timeout),
        graceMs: spec.grace === undefined ? SPEC_DEFAULTS.graceMs : durationMs(spec.grace),
      });
      return {
        kind: "ended",
        ending,
        ...(handler.retry === undefined ? {} : { retry: handler.retry }),
      };
    },
  };
}
