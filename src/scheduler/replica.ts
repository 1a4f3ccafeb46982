// Keeps a board up to date from the broker's feeds. Every scheduler has one, so that any of them can answer and take over.
import type { Broker } from "../shared/io/broker.ts";
import { createFeed, type Feed } from "../shared/io/feed.ts";
import { aborted, pause, runAll, type Service } from "../shared/io/lifecycle.ts";
import { silentLog, type Log } from "../shared/io/log.ts";
import { textOf, type Stored } from "../shared/io/wire.ts";
import {
  decodeAssignments,
  decodeCancel,
  decodeHeartbeat,
  decodePurgeMark,
  decodeQueueSettings,
  decodeRecord,
  PRESENCE,
} from "../shared/messages.ts";
import { SPEC_DEFAULTS } from "../shared/spec.ts";
import { afterTokens } from "../shared/subjects.ts";
import { createBodies, type Bodies } from "./bodies.ts";
import { createBoard, type Board } from "./core/board.ts";

export type Replica = Service & {
  readonly board: Board;
  readonly bodies: Bodies;
  /** True once the board knew everything that the broker held at some moment since the start. */
  isWarm(): boolean;
  /** Resolves when the board knows what the broker holds now; rejects when the broker is away. */
  caughtUp(): Promise<void>;
  /** Calls back after each fact until disposed. */
  onFact(listener: () => void): Disposable;
};

const RETRY_MS = 250;
/** A heartbeat this old should be gone; one too many of a worker that lives is made good by its next. */
const EXPIRED_MS = 2 * PRESENCE.ttlMs;
const CANCEL_SUFFIX = ".cancel";
const PURGE_SUFFIX = ".purge";

export function createReplica(deps: { broker: Broker; log?: Log }): Replica {
  const { broker, log = silentLog } = deps;
  const { jobs, assign, workers, queues } = broker.subjects;
  const { clock } = broker;
  const board = createBoard();
  const bodies = createBodies(broker);
  const listeners = new Set<() => void>();
  let warm = false;
  let epoch = 0;

  function told(): void {
    for (const listener of listeners) listener();
  }

  function unreadable({ subject, seq }: Stored): void {
    log.warn({ event: "unreadable", subject, seq }, "a message could not be read and is ignored");
  }

  /** No worker follows what a deposed leader wrote. */
  function outdated({ subject, seq }: Stored, of: number): void {
    log.warn({ event: "old_epoch", subject, seq, of, epoch }, "a deposed leader's word is ignored");
  }

  function jobMessage(message: Stored): void {
    const id = afterTokens(message.subject, 2);
    if (id.endsWith(CANCEL_SUFFIX)) cancelMessage(id.slice(0, -CANCEL_SUFFIX.length), message);
    else recordMessage(id, message);
    told();
  }

  /** What stands in a record's place and is none tells as little of the job as a removal. */
  function recordMessage(id: string, message: Stored): void {
    if (message.removed) {
      bodies.drop(id);
      return board.jobGone(id, message.seq);
    }
    const text = textOf(message);
    const record = decodeRecord(text);
    if (record?.id !== id) {
      unreadable(message);
      bodies.drop(id);
      return board.jobGone(id, message.seq);
    }
    if (record.state === "queued") bodies.keep(id, message.seq, text);
    else bodies.drop(id);
    board.jobChanged(record, message.seq);
  }

  function cancelMessage(id: string, message: Stored): void {
    const cleared = message.removed || message.data.length === 0;
    const intent = cleared ? undefined : decodeCancel(textOf(message));
    if (!cleared && intent === undefined) return unreadable(message);
    board.cancelChanged(id, intent);
  }

  function assignMessage(message: Stored): void {
    const worker = afterTokens(message.subject, 2);
    const batch = decodeAssignments(textOf(message));
    if (batch === undefined) return unreadable(message);
    if (batch.epoch < epoch) return outdated(message, batch.epoch);
    epoch = batch.epoch;
    const at = storedAt(message);
    for (const { record, attempt, seq } of batch.items) {
      const queue = record.spec.queue ?? SPEC_DEFAULTS.queue;
      board.assigned({ job: record.id, attempt, seq, queue }, worker, message.seq, at);
    }
    told();
  }

  function workerMessage(message: Stored): void {
    const id = afterTokens(message.subject, 2);
    if (message.removed)
      board.workerGone(id, message.header("Nats-Marker-Reason") ? "expired" : "left");
    else {
      const beat = decodeHeartbeat(textOf(message));
      if (beat?.id !== id) return unreadable(message);
      const ageMs = ageOf(message);
      // a copy of the stream that went through a crash may hold on to what expired long ago
      if (ageMs > EXPIRED_MS) board.workerGone(id, "expired");
      else board.beat(beat, clock.mono() - ageMs);
    }
    told();
  }

  /** While the past is being read, a heartbeat may be of a worker that died since; afterwards it is heard when it is said. */
  function ageOf(message: Stored): number {
    return warm ? 0 : Math.max(0, clock.now() - storedAt(message));
  }

  const storedAt = (message: Stored): number =>
    Date.parse(message.header("Nats-Time-Stamp") ?? "") || clock.now();

  function queueMessage(message: Stored): void {
    const path = afterTokens(message.subject, 2);
    if (path.endsWith(PURGE_SUFFIX)) purgeMessage(path.slice(0, -PURGE_SUFFIX.length), message);
    else settingsMessage(path, message);
    told();
  }

  function purgeMessage(name: string, message: Stored): void {
    const mark = message.removed ? undefined : decodePurgeMark(textOf(message));
    if (!message.removed && mark === undefined) return unreadable(message);
    board.queuePurged(name, mark);
  }

  function settingsMessage(name: string, message: Stored): void {
    const settings = message.removed ? undefined : decodeQueueSettings(textOf(message));
    if (!message.removed && settings === undefined) return unreadable(message);
    board.queueChanged(name, settings);
  }

  /** Drops what is gone from the stream of records without having been seen to go. */
  async function compareJobs(): Promise<void> {
    const upTo = jobFeed.lastSeq;
    const cancelled = board.cancelIds();
    const held = await broker.subjectsIn(jobs.stream, jobs.all);
    for (const id of board.jobIds()) {
      if (held.has(jobs.record(id))) continue;
      bodies.drop(id);
      board.jobGone(id, upTo);
    }
    for (const id of cancelled) if (!held.has(jobs.cancel(id))) board.cancelChanged(id, undefined);
    told();
  }

  async function compareWorkers(): Promise<void> {
    const known = board.workers(clock.mono()).map(({ beat }) => beat.id);
    const held = await broker.subjectsIn(workers.stream, workers.all);
    for (const id of known) if (!held.has(workers.key(id))) board.workerGone(id, "expired");
    told();
  }

  const feed = (
    stream: string,
    source: string,
    listen: string,
    onMessage: (message: Stored) => void,
    onOverslept?: () => Promise<void>,
  ): Feed =>
    createFeed({
      broker,
      stream,
      source,
      listen,
      scope: "stream",
      onMessage,
      ...(onOverslept === undefined ? {} : { onOverslept }),
      log,
    });
  const jobFeed = feed(jobs.stream, jobs.all, jobs.changed, jobMessage, compareJobs);
  const queueFeed = feed(queues.stream, queues.all, queues.changed, queueMessage);
  const workerFeed = feed(
    workers.stream,
    workers.all,
    workers.beats,
    workerMessage,
    compareWorkers,
  );
  const assignFeed = feed(assign.stream, assign.all, assign.commands, assignMessage);

  /** Goes on asking until it has an answer or is stopped. */
  async function insist(signal: AbortSignal, feeds: readonly Feed[]): Promise<void> {
    // once, not for each try: a broker may be away for long
    const stopped = aborted(signal);
    while (!signal.aborted) {
      try {
        return await Promise.race([all(feeds), stopped]);
      } catch (error) {
        log.debug({ event: "catch_up_failed", error }, "catching up is tried again");
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** Assignments make sense only beside the records, so that they are read once these are known. */
  const later: Service = {
    name: "feed of assignments and workers",
    async run(signal) {
      await insist(signal, [jobFeed, queueFeed]);
      await runAll([assignFeed, workerFeed, { name: "warm-up", run: warmUp }], signal);
    },
  };

  async function warmUp(signal: AbortSignal): Promise<void> {
    await insist(signal, [jobFeed, queueFeed, assignFeed, workerFeed]);
    warm = !signal.aborted;
    if (warm)
      log.info({ event: "warm", jobs: board.stats().jobs }, "everything the broker holds is known");
  }

  return {
    name: "replica",
    board,
    bodies,
    isWarm: () => warm,
    caughtUp: () => all([jobFeed, queueFeed, assignFeed, workerFeed]),
    onFact(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    run: (signal) => runAll([jobFeed, queueFeed, later], signal),
  };
}

async function all(feeds: readonly Feed[]): Promise<void> {
  await Promise.all(feeds.map((feed) => feed.caughtUp()));
}
