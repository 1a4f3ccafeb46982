// A worker as a row of a list.
import { bytes, printable, shortDuration } from "./display.ts";
import type { Listing } from "./listing.ts";
import type { WorkerView } from "./views.ts";

const MIB = 1_048_576;

export const WORKERS: Listing<WorkerView> = {
  columns: ["ID", "STATUS", "SLOTS FREE", "RUNS", "LOAD", "MEMORY FREE", "UP", "LABELS"],
  row: cells,
};

function cells(worker: WorkerView): string[] {
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
