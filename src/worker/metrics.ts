// The worker's Prometheus metrics.
import { Counter, Gauge, Registry } from "prom-client";

import type { Slots } from "./slots.ts";

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

export function createWorkerMetrics(deps: { slots: Slots; held(): number; registered(): boolean }) {
  const { slots, held, registered } = deps;
  const registers = [new Registry()];
  const gauge = (name: string, help: string, read: () => number): void => {
    const found: Gauge = new Gauge({ name, help, registers, collect: () => found.set(read()) });
  };
  const slotStates: Gauge<"state"> = new Gauge({
    name: "millrace_worker_slots",
    help: "Slots of this worker; stuck ones run code that ignores that its attempt is over.",
    labelNames: ["state"],
    registers,
    collect() {
      slotStates.set({ state: "free" }, slots.free);
      slotStates.set({ state: "stuck" }, slots.stuck);
      slotStates.set({ state: "busy" }, slots.total - slots.free - slots.stuck);
    },
  });
  gauge("millrace_worker_attempts_held", "Attempts from assignment to recorded end.", held);
  gauge("millrace_worker_registered", "1 while the broker takes the heartbeats.", () =>
    Number(registered()),
  );
  return {
    registry: registers[0]!,
    attempts: new Counter({
      name: "millrace_worker_attempts_total",
      help: "Attempts whose end this worker recorded.",
      labelNames: ["outcome"],
      registers,
    }),
    superseded: new Counter({
      name: "millrace_superseded_results_total",
      help: "Attempts that somebody else had ended: their results were refused or thrown away.",
      registers,
    }),
    dropped: new Counter({
      name: "millrace_worker_dropped_messages_total",
      help: "Assignment messages that were not followed.",
      labelNames: ["why"],
      registers,
    }),
    outputBytes: new Counter({
      name: "millrace_worker_output_bytes_total",
      help: "Bytes that attempts wrote.",
      labelNames: ["channel"],
      registers,
    }),
    bundles: new Counter({
      name: "millrace_worker_bundles_total",
      help: "Bundles that attempts asked for: fetched from the broker, kept from before, or failed.",
      labelNames: ["how"],
      registers,
    }),
    heartbeatFailures: new Counter({
      name: "millrace_worker_heartbeat_failures_total",
      help: "Heartbeats that the broker did not confirm.",
      registers,
    }),
  };
}
