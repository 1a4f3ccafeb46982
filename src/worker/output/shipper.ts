// Brings the output of this worker's attempts into the log stream.
import type { Broker } from "../../shared/io/broker.ts";
import { aborted, type Service } from "../../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import type { OutputTotals } from "../../shared/job.ts";
import { Roster } from "../../shared/roster.ts";
import { createBudget } from "./budget.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { createSink, type OutputSink } from "./sink.ts";

export type ShipperOptions = {
  broker: Broker;
  /** Directory for output that waits; made when first needed, files in it leave no trace. */
  spoolRoot: string;
  limits?: Partial<Limits>;
  /** Told when output cannot be kept on this disk; the attempt goes on with its newest bytes only. */
  onDiskFailure?: (error: unknown) => void;
  log?: Log;
};

export type AttemptOutput = {
  job: string;
  attempt: number;
  /** Bytes of both channels together that are kept: the first, and of the last up to 8 MiB; default 1 GiB. */
  maxBytes?: number;
};

export type Shipper = Service & { open(output: AttemptOutput): OutputSink };

const DEFAULT_MAX_BYTES = 2 ** 30;
const NOTHING: OutputTotals = { stdout: 0, stderr: 0, chunks: 0, dropped: 0 };

/** Until its signal aborts; then what is still open is abandoned, so end the attempts first. */
export function createShipper(options: ShipperOptions): Shipper {
  const { broker, spoolRoot, log = silentLog } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const budgets = {
    flight: createBudget(limits.workerFlightBytes),
    spool: createBudget(limits.workerSpoolBytes),
  };
  const open = new Roster<OutputSink>();

  function onDiskFailure(error: unknown): void {
    log.error({ event: "spool_failed", error }, "output cannot be kept on this disk");
    options.onDiskFailure?.(error);
  }

  function begin({ job, attempt, maxBytes = DEFAULT_MAX_BYTES }: AttemptOutput): OutputSink {
    const sink = createSink({
      broker,
      log,
      job,
      attempt,
      maxBytes,
      limits,
      spoolDir: spoolRoot,
      budgets,
      onDiskFailure,
      onOver: () => place[Symbol.dispose](),
    });
    const place = open.add(sink);
    return sink;
  }

  return {
    name: "shipper",
    open: (output) => lazily(() => begin(output)),
    async run(signal) {
      await aborted(signal);
      for (const sink of open) sink.abandon();
    },
  };
}

/** A sink that costs nothing until the first byte: most attempts of small functions never write one. */
function lazily(begin: () => OutputSink): OutputSink {
  let sink: OutputSink | undefined;
  let over = false;
  return {
    write(channel, bytes) {
      if (over || bytes.length === 0) return undefined;
      sink ??= begin();
      return sink.write(channel, bytes);
    },
    close(final) {
      over = true;
      return sink?.close(final) ?? Promise.resolve({ ...NOTHING });
    },
    abandon() {
      over = true;
      sink?.abandon();
    },
  };
}
