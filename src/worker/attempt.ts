// One attempt from its assignment to its recorded end.
import type { Clock } from "../shared/io/clock.ts";
import type { JobStore } from "../shared/io/job-store.ts";
import type { Log } from "../shared/io/log.ts";
import { pause } from "../shared/io/lifecycle.ts";
import type { JobEvent, OutputTotals } from "../shared/job.ts";
import { SPEC_DEFAULTS } from "../shared/spec.ts";
import { guardConnection } from "./connection-guard.ts";
import type { Holding } from "./holding.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { OutputSink } from "./output/sink.ts";
import type { Shipper } from "./output/shipper.ts";
import { createRecorder, isSuperseded, type Recorder } from "./recorder.ts";
import type { Runner } from "./runner.ts";
import type { Slots } from "./slots.ts";
import { createStartRecord } from "./start-record.ts";
import type { Standing } from "./standing.ts";
import type { StopSign } from "./stop-sign.ts";
import { verdict, WAS_LEAVING, type RunEnd } from "./verdict.ts";

export type AttemptDeps = {
  workerId: string;
  clock: Clock;
  random(): number;
  store: Pick<JobStore, "read" | "write">;
  shipper: Pick<Shipper, "open">;
  runner: Runner;
  slots: Slots;
  standing: Standing;
  metrics: WorkerMetrics;
  log: Log;
  /** Told when a handler reports how far it is. */
  onProgress(): void;
  /** Told when an attempt is taken that must not run on without the broker. */
  onGuarded(): void;
  /** Aborts when nothing may be started any more. */
  closed: AbortSignal;
  /** Aborts when the worker cannot wait for the broker any longer. */
  giveUp: AbortSignal;
  /** The same for those who only listen for it. */
  givenUp: StopSign<unknown>;
};

/** An assignment for which there is still no room after this long is handed back. */
const MAX_WAIT_MS = 5_000;
const READ_AGAIN_MS = 500;

/** Runs it and records its end. Never rejects; what cannot be recorded is left to the leader, who will miss it here. */
export async function carryOut(holding: Holding, deps: AttemptDeps): Promise<void> {
  const { record, attempt } = holding.assignment;
  const { log } = deps;
  const ids = { job: record.id, attempt };
  try {
    const recorder = createRecorder({ ...deps, assignment: holding.assignment });
    const event = await runIt(holding, recorder, deps);
    if (event !== undefined) await recorder.record(event);
    conclude(holding, event, deps);
  } catch (error) {
    if (isSuperseded(error)) {
      holding.stop("superseded");
      conclude(holding, undefined, deps);
    } else
      log.error({ event: "attempt_unrecorded", ...ids, error }, "the end is not in the record");
  }
}

function conclude(
  holding: Holding,
  event: JobEvent | undefined,
  { metrics, log }: AttemptDeps,
): void {
  const { record, attempt } = holding.assignment;
  const ids = { job: record.id, attempt };
  if (event === undefined) {
    if (holding.stopReason === "superseded") metrics.superseded.inc();
    log.warn({ event: "attempt_dropped", ...ids, why: holding.stopReason }, "attempt dropped");
    return;
  }
  const outcome = event.type === "finished" ? event.ending.outcome : event.type;
  metrics.attempts.inc({ outcome });
  log.info({ event: "attempt_ended", ...ids, outcome }, "attempt ended");
}

/** The event that ends the attempt, its output stored; undefined when there is nothing to record. */
async function runIt(
  holding: Holding,
  recorder: Recorder,
  deps: AttemptDeps,
): Promise<JobEvent | undefined> {
  const { record, attempt } = holding.assignment;
  const { workerId, clock, shipper, givenUp } = deps;
  const sink = shipper.open({
    job: record.id,
    attempt,
    maxBytes: record.spec.maxOutput ?? SPEC_DEFAULTS.maxOutputBytes,
  });
  using _void = holding.onSuperseded(sink.abandon);
  using _leaving = givenUp.onRaised(sink.abandon);
  const end = await runInSlot(holding, recorder, sink, deps);
  const event = verdict(end, holding.stopReason, {
    attempt,
    worker: workerId,
    startedAt: holding.startedAt,
    at: clock.now(),
    random: deps.random(),
  });
  if (event === undefined) {
    sink.abandon();
    return undefined;
  }
  // Whoever sees the end in the record can read all of the output.
  const output = await sink.close(finalOf(event));
  return holding.isSuperseded ? undefined : withOutput(event, output);
}

/** The slot is free again as soon as nothing of the attempt runs: the leader counts it until the end is in the record. */
async function runInSlot(
  holding: Holding,
  recorder: Recorder,
  sink: OutputSink,
  deps: AttemptDeps,
): Promise<RunEnd> {
  const { record, attempt } = holding.assignment;
  const { clock, metrics, workerId, log } = deps;
  using slot = await takeSlot(holding, deps);
  if (slot === undefined)
    return { kind: "not_started", reason: "The worker had no room for it, or was leaving." };
  if (!(await mayStart(holding, deps))) return WAS_LEAVING;

  using start = createStartRecord({ holding, recorder, workerId, log });
  using _guard = guardConnection(holding, deps.standing, clock);
  return await deps.runner.run({
    record,
    attempt,
    stop: holding.stopping,
    mayStart: () => mayStart(holding, deps),
    onStarted: start.begin,
    output: {
      write(channel, bytes) {
        metrics.outputBytes.inc({ channel }, bytes.length);
        return sink.write(channel, bytes);
      },
    },
    onProgress(progress) {
      holding.progress = progress;
      deps.onProgress();
    },
    onLingering: (settled) => slot.keepUntil(settled),
  });
}

async function takeSlot({ assignment, stopping }: Holding, { slots, closed }: AttemptDeps) {
  if (closed.aborted) return undefined;
  const { slots: asked, reservation } = assignment.record.spec;
  // a reservation has its slots already, and the leader counts what runs in it
  const wanted = reservation === undefined ? (asked ?? SPEC_DEFAULTS.slots) : 0;
  const free = slots.tryTake(wanted);
  if (free !== undefined) return free;
  const late = AbortSignal.timeout(MAX_WAIT_MS);
  return slots.take(wanted, AbortSignal.any([stopping.signal, closed, late]));
}

/** Asked twice of each attempt, and hardly ever in doubt: no promise is made for the rest. */
function mayStart(holding: Holding, deps: AttemptDeps): boolean | Promise<boolean> {
  return deps.standing.isDoubtful() ? mayStillStart(holding, deps) : !holding.stopping.isRaised;
}

async function mayStillStart(holding: Holding, deps: AttemptDeps): Promise<boolean> {
  if (!(await isStillWanted(holding, deps))) holding.stop("superseded");
  return !holding.stopping.isRaised;
}

/** After a silence the assignment may be void already: the record tells. */
async function isStillWanted(
  { assignment, stopping }: Holding,
  { standing, store, log }: AttemptDeps,
): Promise<boolean> {
  while (standing.isDoubtful() && !stopping.isRaised) {
    try {
      return (await store.read(assignment.record.id))?.seq === assignment.seq;
    } catch (error) {
      log.debug({ event: "assignment_unverified", error }, "the record cannot be read yet");
    }
    await pause(READ_AGAIN_MS, stopping.signal);
  }
  return true;
}

function finalOf(event: JobEvent): Parameters<OutputSink["close"]>[0] {
  if (event.type !== "finished") return { outcome: event.type };
  const { outcome, exitCode, signal } = event.ending;
  return {
    outcome,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
}

const withOutput = (event: JobEvent, output: OutputTotals): JobEvent =>
  event.type === "finished" ? { ...event, ending: { ...event.ending, output } } : event;
