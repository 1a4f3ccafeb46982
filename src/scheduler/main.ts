// Runs a scheduler alone: configuration from the environment, stopped by signals.
import { MillraceError } from "../shared/errors.ts";
import { giveHeapRoom } from "../shared/io/heap.ts";
import { createLog } from "../shared/io/log.ts";
import { readSchedulerConfig } from "./config.ts";
import { runScheduler } from "./scheduler.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort());

giveHeapRoom();
try {
  await runScheduler(readSchedulerConfig(), stop.signal);
  process.exit(0);
} catch (error) {
  const message = error instanceof MillraceError ? error.message : "the scheduler failed";
  createLog("scheduler").fatal({ event: "scheduler_failed", error }, message);
  process.exit(1);
}
