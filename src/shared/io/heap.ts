// How much garbage V8 may let gather before it collects everything.
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";

const ROOM_BYTES = 64 * 1_048_576;
const LEAST_PERCENT = 50;

/**
 * Gives a small heap 64 MiB between two full collections; a large one grows as V8 thinks best. To be called once per program.
 *
 * Output passes through buffers outside of the heap, which count against its limit. Beside a heap as small as ours they would
 * otherwise set off a full collection for every 6 MB of output: more than half of all that a worker does then.
 */
export function giveHeapRoom(): void {
  adjust();
  new PerformanceObserver(adjust).observe({ entryTypes: ["gc"] });
}

function adjust(): void {
  const percent = Math.round((100 * ROOM_BYTES) / getHeapStatistics().used_heap_size);
  setFlagsFromString(`--heap-growing-percent=${percent < LEAST_PERCENT ? 0 : percent}`);
}
