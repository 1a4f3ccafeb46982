// The window of numbered records between the worker and the log: sent in order, kept until stored, sent again from the first that is not.
//
// After a failure everything from the first unstored record on is sent again, stored or not. So in the stream each number
// is followed, somewhere, by the next one: a reader that takes the first of each number in order gets everything once.
import { encodeLogRecord, type Closing, type LogRecord } from "../../shared/chunk.ts";
import type { Budget } from "./budget.ts";
import type { Segment } from "./chunker.ts";

export type Outbox = {
  /** Records that were sent and are not known to be stored. */
  readonly unstored: number;
  /** How many records were numbered so far: the number of the next. */
  readonly numbered: number;
  hasRoom(): boolean;
  send(segment: Segment, closing?: Closing): void;
  /** The closing by itself. */
  sendClosing(closing: Closing, at: number): void;
  /** The broker is back: sends again now what failed. */
  resume(): void;
  /** Gives up what is not stored; says how much that is. */
  stop(): { records: number; bytes: number };
};

export type OutboxOptions = {
  /** Resolves when stored; any rejection means: unknown, send it again. */
  publish(header: string, bytes: Uint8Array): Promise<unknown>;
  isUp(): boolean;
  limitBytes: number;
  /** What the windows of all attempts may hold together. */
  budget: Budget;
  /** Called when records were stored, so that there may be room. */
  onStored(): void;
  onFailure(error: unknown): void;
};

type Sent = { record: LogRecord; bytes: Uint8Array; stored: boolean };

const MOST_RECORDS = 256;
/** What a record takes beside its bytes. */
const RECORD_BYTES = 256;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

export function createOutbox(options: OutboxOptions): Outbox {
  const { publish, isUp, limitBytes, budget } = options;
  const window: Sent[] = [];
  let numbered = 0;
  let unstoredBytes = 0;
  let waiting = 0;
  let failed = false;
  let stopped = false;
  let retryMs = FIRST_RETRY_MS;
  let retry: NodeJS.Timeout | undefined;

  async function transmit(sent: Sent): Promise<void> {
    const header = encodeLogRecord({ ...sent.record, acked: window[0]!.record.no });
    waiting += 1;
    try {
      await publish(header, sent.bytes);
      sent.stored = true;
    } catch (error) {
      if (!failed && !stopped) options.onFailure(error);
      failed = true;
    }
    waiting -= 1;
    if (!stopped) settle();
  }

  function settle(): void {
    const before = window.length;
    while (window[0]?.stored === true) release(window.shift()!);
    if (failed && waiting === 0) scheduleResume();
    if (window.length === before) return;
    if (!failed) retryMs = FIRST_RETRY_MS;
    options.onStored();
  }

  function release(sent: Sent): void {
    const held = sent.bytes.length + RECORD_BYTES;
    unstoredBytes -= held;
    budget.give(held);
  }

  function scheduleResume(): void {
    retry ??= setTimeout(resume, retryMs);
    retryMs = Math.min(LAST_RETRY_MS, 2 * retryMs);
  }

  function resume(): void {
    clearTimeout(retry);
    retry = undefined;
    if (!failed || waiting > 0 || stopped || !isUp()) return;
    failed = false;
    for (const sent of window) sent.stored = false;
    for (const sent of window) void transmit(sent);
    if (window.length === 0) options.onStored();
  }

  function enqueue(about: Omit<LogRecord, "no" | "acked">, bytes: Uint8Array): void {
    const sent = { record: { ...about, no: numbered++, acked: 0 }, bytes, stored: false };
    const held = bytes.length + RECORD_BYTES;
    unstoredBytes += held;
    budget.take(held);
    window.push(sent);
    void transmit(sent);
  }

  return {
    get unstored() {
      return window.length;
    },
    get numbered() {
      return numbered;
    },
    hasRoom: () =>
      !failed && !stopped && isUp() && unstoredBytes < limitBytes && window.length < MOST_RECORDS,
    send({ bytes, ...about }, closing) {
      enqueue({ ...about, ...(closing === undefined ? {} : { closing }) }, bytes);
    },
    sendClosing(closing, at) {
      const { stdout, stderr } = closing;
      enqueue({ offsets: { stdout, stderr }, at, closing }, new Uint8Array());
    },
    resume() {
      retryMs = FIRST_RETRY_MS;
      resume();
    },
    stop() {
      stopped = true;
      clearTimeout(retry);
      const given = window.splice(0);
      for (const sent of given) release(sent);
      return {
        records: given.length,
        bytes: given.reduce((sum, { bytes }) => sum + bytes.length, 0),
      };
    },
  };
}
