// The output of one attempt: counted, queued and sent; never an error to the attempt, never more memory than agreed.
import { CHUNK_HEADER, type Channel, type Closing } from "../../shared/chunk.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { deferred, type Deferred } from "../../shared/io/lifecycle.ts";
import type { Log } from "../../shared/io/log.ts";
import type { OutputTotals } from "../../shared/job.ts";
import { createBacklog } from "./backlog.ts";
import type { Budget } from "./budget.ts";
import type { Segment } from "./chunker.ts";
import type { Limits } from "./limits.ts";
import { createOutbox } from "./outbox.ts";
import { createSpool } from "./spool.ts";
import { createTally } from "./tally.ts";

/** How the attempt ended, for whoever reads only its output. */
export type Final = { outcome: string; exitCode?: number; signal?: string };

export type OutputSink = {
  /** Takes the bytes over: do not change them afterwards. Wait for a returned promise before writing more. Never throws. */
  write(channel: Channel, bytes: Uint8Array): void | Promise<void>;
  /**
   * Resolves when everything, the closing included, is stored. Waits as long as the broker is away; gives up what is
   * left (counted as dropped) when the broker is there and stored nothing for `giveUpMs`.
   */
  close(final: Final): Promise<OutputTotals>;
  /** Forgets what is not stored yet: the attempt does not count any more. */
  abandon(): void;
};

export type SinkOptions = {
  broker: Broker;
  log: Log;
  job: string;
  attempt: number;
  maxBytes: number;
  limits: Limits;
  spoolDir: string;
  budgets: { flight: Budget; spool: Budget };
  onDiskFailure(error: unknown): void;
  onOver(): void;
};

export function createSink(options: SinkOptions): OutputSink {
  const { broker, job, attempt, maxBytes, limits, budgets } = options;
  const { clock } = broker;
  const log = options.log.child({ job, attempt });
  const subject = broker.subjects.logs.of(job, attempt);
  const chunkBytes = Math.min(limits.chunkBytes, broker.maxPayload - limits.headerBytes);
  const tailBytes = Math.min(Math.floor(maxBytes / 2), limits.tailBytes);

  const tally = createTally();
  const over = deferred<OutputTotals>();
  let isOver = false;
  let final: Final | undefined;
  let closed = false;
  let scheduled: NodeJS.Immediate | undefined;
  let waiter: Deferred<void> | undefined;
  let patience: NodeJS.Timeout | undefined;
  let progressAt = clock.mono();

  const outbox = createOutbox({
    publish: (header, bytes) =>
      broker.publish(subject, bytes, { headers: { [CHUNK_HEADER]: header } }),
    isUp: () => broker.isUp(),
    limitBytes: limits.flightBytes,
    budget: budgets.flight,
    onStored() {
      progressAt = clock.mono();
      pump();
    },
    onFailure: (error) =>
      log.warn({ event: "output_delayed", error }, "output waits for the broker"),
  });
  const backlog = createBacklog({
    chunkBytes,
    headBytes: maxBytes - tailBytes,
    tailBytes,
    openSpool: () =>
      createSpool({
        dir: options.spoolDir,
        limitBytes: limits.spoolBytes,
        budget: budgets.spool,
        onFailure: options.onDiskFailure,
      }),
    onReady: pump,
    onFailure: options.onDiskFailure,
  });
  const listening = [broker.onUp(onUp), broker.onDown(releaseWaiter)];

  function onUp(): void {
    progressAt = clock.mono();
    outbox.resume();
    pump();
  }

  /** True while waiting is better than the disk: what was sent is being stored. */
  const isMoving = () => broker.isUp() && quietMs() < limits.stallMs;
  const isIdle = () => outbox.unstored === 0 && backlog.isEmpty;
  const quietMs = () => (isIdle() ? 0 : clock.mono() - progressAt);

  function schedule(): void {
    scheduled ??= setImmediate(pump);
  }

  /** Sends what may be sent. A part of a chunk goes only when nothing is under way, so that a flood gathers. */
  function pump(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    if (isOver) return;
    while ((backlog.hasWhole || outbox.unstored === 0 || final !== undefined) && maySend()) {
      const segment = backlog.take();
      if (segment === undefined) break;
      send(segment);
    }
    backlog.fetch();
    if (backlog.inMemory <= limits.memoryBytes) releaseWaiter();
    if (final !== undefined) finish(final);
  }

  function maySend(): boolean {
    if (!outbox.hasRoom()) return false;
    if (budgets.flight.hasRoom()) return true;
    budgets.flight.whenRoom(pump);
    return false;
  }

  function send(segment: Segment): void {
    tally.sent(segment.bytes.length);
    closed = final !== undefined && backlog.isEmpty;
    outbox.send(segment, closed ? closing(final!) : undefined);
  }

  const closing = (how: Final): Closing => ({
    ...how,
    ...tally.totals(outbox.numbered + 1),
    sha256: tally.sha256(),
  });

  function finish(how: Final): void {
    if (!closed && backlog.isEmpty && outbox.numbered > 0 && maySend()) {
      closed = true;
      outbox.sendClosing(closing(how), clock.now());
    }
    const nothingToSay = backlog.isEmpty && outbox.numbered === 0;
    if ((closed && outbox.unstored === 0) || nothingToSay) end(tally.totals(outbox.numbered));
  }

  function end(totals: OutputTotals): void {
    if (isOver) return;
    isOver = true;
    clearInterval(patience);
    clearImmediate(scheduled);
    for (const listener of listening) listener[Symbol.dispose]();
    budgets.flight.forget(pump);
    releaseWaiter();
    void backlog.dispose().catch(options.onDiskFailure);
    options.onOver();
    over.resolve(totals);
  }

  function giveUp(): void {
    const { numbered } = outbox;
    const lost = outbox.stop();
    tally.sent(-lost.bytes);
    const totals = tally.totals(numbered - lost.records);
    if (!isOver && totals.dropped > 0)
      log.warn({ event: "output_dropped", dropped: totals.dropped }, "output could not be stored");
    end(totals);
  }

  /** Back-pressure, as long as the broker takes what it gets. */
  function room(): Promise<void> {
    if (waiter === undefined) {
      waiter = deferred<void>();
      watchWaiter(waiter);
    }
    return waiter.promise;
  }

  function watchWaiter(watched: Deferred<void>): void {
    const timer = setTimeout(() => {
      if (waiter !== watched) return;
      if (isMoving()) watchWaiter(watched);
      else releaseWaiter();
    }, limits.stallMs);
    timer.unref();
  }

  function releaseWaiter(): void {
    waiter?.resolve();
    waiter = undefined;
  }

  return {
    write(channel, bytes) {
      if (isOver || final !== undefined || bytes.length === 0) return;
      if (isIdle()) progressAt = clock.mono();
      tally.wrote(channel, bytes);
      backlog.write(channel, clock.now(), bytes);
      // not at once: what else arrives in this turn of the loop goes along
      if (outbox.unstored === 0 || backlog.hasWhole) schedule();
      if (backlog.inMemory <= limits.memoryBytes) return;
      return isMoving() ? room() : backlog.spill();
    },
    close(how) {
      if (final !== undefined || isOver) return over.promise;
      final = how;
      progressAt = clock.mono();
      patience = setInterval(() => {
        if (broker.isUp() && quietMs() >= limits.giveUpMs) giveUp();
      }, limits.giveUpMs / 4);
      backlog.finish();
      pump();
      return over.promise;
    },
    abandon: giveUp,
  };
}
