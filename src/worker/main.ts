// Runs a worker alone: configuration from the environment, stopped by signals.
import { MillraceError } from "../shared/errors.ts";
import { giveHeapRoom } from "../shared/io/heap.ts";
import { createLog } from "../shared/io/log.ts";
import { readWorkerConfig } from "./config.ts";
import { listenForStop } from "./stop-signals.ts";
import { runWorker } from "./worker.ts";

giveHeapRoom();
try {
  using stop = listenForStop();
  await runWorker(readWorkerConfig(), stop);
  process.exit(0);
} catch (error) {
  const message = error instanceof MillraceError ? error.message : "the worker failed";
  createLog("worker").fatal({ event: "worker_failed", error }, message);
  process.exit(1);
}
