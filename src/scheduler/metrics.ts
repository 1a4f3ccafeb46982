// The scheduler's Prometheus metrics. Gauges are read from the board when they are asked for, so that what is gone disappears.
import { Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Clock } from "../shared/io/clock.ts";
import { isFinal, type JobRecord } from "../shared/job.ts";
import { notBeforeOf, SPEC_DEFAULTS } from "../shared/spec.ts";
import type { Board, JobChange } from "./core/board.ts";

export type SchedulerMetrics = {
  /** The Prometheus text. */
  text(): Promise<string>;
  placed(many: number): void;
};

const START_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3_600,
];
const RUN_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];
const ENDS: ReadonlySet<string> = new Set(["finished", "lost", "handed_back"]);

/** Jobs and attempts are counted by the leader alone, so that the sum over all replicas is right. */
export function createSchedulerMetrics(deps: {
  board: Board;
  clock: Clock;
  leads: () => boolean;
}): SchedulerMetrics & Disposable {
  const { board, clock, leads } = deps;
  const registry = new Registry();
  const registers = [registry];
  const placements = new Counter({
    name: "millrace_placements_total",
    help: "Placement decisions.",
    registers,
  });
  const ended = new Counter({
    name: "millrace_attempts_total",
    help: "Attempts that ended.",
    labelNames: ["queue", "outcome"],
    registers,
  });
  const finished = new Counter({
    name: "millrace_jobs_finished_total",
    help: "Jobs that reached a final state.",
    labelNames: ["queue", "state"],
    registers,
  });
  const startDelay = new Histogram({
    name: "millrace_submit_to_start_seconds",
    help: "From when a job could first run to its first start.",
    labelNames: ["queue"],
    buckets: START_BUCKETS,
    registers,
  });
  const runTime = new Histogram({
    name: "millrace_run_seconds",
    help: "From start to end of an attempt.",
    labelNames: ["queue", "outcome"],
    buckets: RUN_BUCKETS,
    registers,
  });
  addQueueGauges(registry, board, clock);
  addWorkerGauges(registry, board, clock);
  addGauge(registry, "millrace_leader", "1 while this scheduler leads.", () => Number(leads()));

  function countAttempt(record: JobRecord, queue: string): void {
    const attempt = record.attempts.at(-1);
    if (attempt?.outcome === undefined || !ENDS.has(record.timeline.at(-1)?.what ?? "")) return;
    const { outcome, startedAt, finishedAt } = attempt;
    ended.inc({ queue, outcome });
    if (startedAt !== undefined && finishedAt !== undefined)
      runTime.observe({ queue, outcome }, (finishedAt - startedAt) / 1_000);
  }

  function countJob(record: JobRecord, queue: string): void {
    if (!isFinal(record.state)) return;
    finished.inc({ queue, state: record.state });
    const first = record.attempts[0];
    if (first?.number !== 1 || first.startedAt === undefined) return;
    const couldStartAt = Math.max(
      record.submittedAt,
      notBeforeOf(record.spec, record.submittedAt) ?? 0,
    );
    startDelay.observe({ queue }, Math.max(0, first.startedAt - couldStartAt) / 1_000);
  }

  function count({ record }: JobChange): void {
    if (record === undefined || !leads()) return;
    const queue = record.spec.queue ?? SPEC_DEFAULTS.queue;
    countAttempt(record, queue);
    countJob(record, queue);
  }

  const watching = board.watch("*", count);
  return {
    text: () => registry.metrics(),
    placed: (many) => placements.inc(many),
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
}

function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: () => gauge.set(read()),
  });
}

function addQueueGauges(registry: Registry, board: Board, clock: Clock): void {
  const depth: Gauge<"queue" | "state"> = new Gauge({
    name: "millrace_queue_jobs",
    help: "Jobs by queue and state.",
    labelNames: ["queue", "state"],
    registers: [registry],
    collect() {
      depth.reset();
      for (const queue of board.queues())
        for (const [state, jobs] of Object.entries(queue.depth))
          depth.set({ queue: queue.name, state }, jobs);
    },
  });
  const oldest: Gauge<"queue"> = new Gauge({
    name: "millrace_queue_oldest_seconds",
    help: "Age of the oldest job that could start now.",
    labelNames: ["queue"],
    registers: [registry],
    collect() {
      oldest.reset();
      for (const { name, oldestAt } of board.queues())
        oldest.set(
          { queue: name },
          oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt) / 1_000,
        );
    },
  });
}

function addWorkerGauges(registry: Registry, board: Board, clock: Clock): void {
  addGauge(
    registry,
    "millrace_workers_quarantined",
    "Workers that get nothing but a probe now and then, since they kept failing.",
    () => board.workers(clock.mono()).filter(({ quarantine }) => quarantine !== undefined).length,
  );
  const slots: Gauge<"worker" | "kind"> = new Gauge({
    name: "millrace_slots",
    help: "Slots of each worker as the scheduler counts them.",
    labelNames: ["worker", "kind"],
    registers: [registry],
    collect() {
      slots.reset();
      for (const { beat, slots: counted } of board.workers(clock.mono()))
        for (const kind of ["total", "used"] as const)
          slots.set({ worker: beat.id, kind }, counted[kind]);
    },
  });
  const silence: Gauge<"worker"> = new Gauge({
    name: "millrace_worker_heartbeat_age_seconds",
    help: "Time since the worker was last heard.",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      silence.reset();
      for (const { beat, silentMs } of board.workers(clock.mono()))
        silence.set({ worker: beat.id }, silentMs / 1_000);
    },
  });
}
