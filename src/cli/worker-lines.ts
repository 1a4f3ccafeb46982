// A worker as a row of a list.
import { bytes, printable, shortDuration } from "./display.ts";
import type { WorkerView } from "./views.ts";

export const WORKER_COLUMNS = [
  "ID",
  "STATUS",
  "SLOTS FREE",
  "RUNS",
  "LOAD",
  "MEMORY FREE",
  "UP",
  "LABELS",
] as const;

const MIB = 1_048_576;

export function workerRow(worker: WorkerView): string[] {
  const { id, status, slots, running, load, memory, uptimeS, labels, handlers } = worker;
  const facts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (handlers.length > 0) facts.push(`handlers=${handlers.join(",")}`);
  return [
    id,
    status,
    `${slots.free} of ${slots.total}`,
    String(running.length),
    load[0]?.toFixed(1) ?? "-",
    bytes(memory.freeMb * MIB),
    shortDuration(uptimeS * 1_000),
    printable(facts.join(" ")),
  ];
}
