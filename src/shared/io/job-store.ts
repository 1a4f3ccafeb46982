// Job records in their stream: created once, changed by compare-and-set only, unknown outcomes resolved by reading back.
import { hasCode, MillraceError } from "../errors.ts";
import { isFinal, type JobRecord } from "../job.ts";
import type { CancelIntent } from "../messages.ts";
import { retentionMs } from "../retention.ts";
import type { Broker } from "./broker.ts";
import { recordIn } from "./decode-record.ts";
import { MARKERS_MS } from "./feed.ts";
import { pause } from "./lifecycle.ts";
import type { PublishOptions } from "./publisher.ts";
import { textOf, type Stored } from "./wire.ts";

export type Versioned = { record: JobRecord; seq: number };

export type WriteOptions = {
  /** Gives up then, with the outcome unknown; default 5 s. Infinity: goes on until the signal aborts. */
  withinMs?: number;
  signal?: AbortSignal;
};

export type JobStore = {
  /** Stores a new job. Throws `lost_race` when there is a job of that id already. */
  create(record: JobRecord, options?: WriteOptions): Promise<number>;
  /** The newest record; undefined when there is none, or none that can be read. */
  read(jobId: string): Promise<Versioned | undefined>;
  /** What stands in the place of a record and is none, by its sequence; undefined when all is well. */
  unreadableAt(jobId: string): Promise<number | undefined>;
  /** As `read`, from whichever replica is near: cheaper, and at least as new as `seq`. */
  readNearby(jobId: string, seq: number): Promise<Versioned | undefined>;
  /** Stores the record if its subject is still at `seq`; throws `lost_race` when it is not. */
  write(record: JobRecord, seq: number, options?: WriteOptions): Promise<number>;
  /** Reads, changes and writes until no one interferes. A change that returns undefined leaves everything as it is. */
  update(
    jobId: string,
    change: (record: JobRecord) => JobRecord | undefined,
    options?: WriteOptions,
  ): Promise<Versioned>;
  /** Leaves a removal marker in the record's place if its subject is still at `seq`; throws `lost_race` when it is not. */
  remove(jobId: string, seq: number): Promise<void>;
  /** Puts the wish to end beside the record, where it stays until it is cleared; a wish that stands already is left as it is. */
  requestCancel(jobId: string, intent: CancelIntent): Promise<void>;
  cancelIntent(jobId: string): Promise<Stored | undefined>;
  /** Lets the intent of a job vanish that is over or gone; one that comes meanwhile stays, as that of a job that is not over. */
  clearCancel(jobId: string): Promise<void>;
};

const RETRY_MS = 200;
const DEFAULT_WITHIN_MS = 5_000;
const MAX_ROUNDS = 50;

export function createJobStore(broker: Broker): JobStore {
  const { jobs } = broker.subjects;

  async function write(
    record: JobRecord,
    expectSubject: number,
    options: WriteOptions = {},
  ): Promise<number> {
    const { withinMs = DEFAULT_WITHIN_MS, signal } = options;
    const payload = JSON.stringify(record);
    const settings = isFinal(record.state)
      ? { expectSubject, ttlMs: retentionMs(record) }
      : { expectSubject };
    const deadline = broker.clock.mono() + withinMs;
    for (let unsure = false; ; unsure = true) {
      try {
        return await storeOnce(jobs.record(record.id), payload, settings, unsure);
      } catch (error) {
        const late = signal?.aborted || broker.clock.mono() + RETRY_MS >= deadline;
        if (late || !worthRepeating(error, withinMs)) throw error;
      }
      // It may be stored although the answer is missing: the same expectation makes repeating it safe.
      await pause(RETRY_MS, signal);
    }
  }

  /** After an unsure try, losing the race may mean having won it. */
  async function storeOnce(
    subject: string,
    payload: string,
    settings: PublishOptions,
    unsure: boolean,
  ): Promise<number> {
    try {
      return (await broker.publish(subject, payload, settings)).seq;
    } catch (error) {
      const own =
        unsure && hasCode(error, "lost_race") ? await ownWrite(subject, payload) : undefined;
      if (own === undefined) throw error;
      return own;
    }
  }

  /** The sequence of what this payload was stored as, if it is what stands there now. */
  async function ownWrite(subject: string, payload: string): Promise<number | undefined> {
    const last = await broker.last(jobs.stream, subject);
    return last !== undefined && textOf(last) === payload ? last.seq : undefined;
  }

  const read = async (jobId: string): Promise<Versioned | undefined> =>
    versioned(await broker.last(jobs.stream, jobs.record(jobId)));

  const cancelIntent = (jobId: string): Promise<Stored | undefined> =>
    broker.last(jobs.stream, jobs.cancel(jobId));

  async function afterMarker(
    record: JobRecord,
    options?: WriteOptions,
  ): Promise<number | undefined> {
    const last = await broker.last(jobs.stream, jobs.record(record.id));
    return last?.removed ? write(record, last.seq, options) : undefined;
  }

  async function unreadableAt(jobId: string): Promise<number | undefined> {
    const last = await broker.last(jobs.stream, jobs.record(jobId));
    return last === undefined || last.removed || recordIn(last) ? undefined : last.seq;
  }

  return {
    async create(record, options) {
      try {
        return await write(record, 0, options);
      } catch (error) {
        const stored = hasCode(error, "lost_race") ? await afterMarker(record, options) : undefined;
        if (stored !== undefined) return stored;
        throw error;
      }
    },
    read,
    unreadableAt,
    async readNearby(jobId, seq) {
      const stored = await broker.lastNearby(jobs.stream, jobs.record(jobId));
      return stored !== undefined && stored.seq >= seq ? versioned(stored) : read(jobId);
    },
    write,
    async update(jobId, change, options) {
      for (let round = 0; ; round += 1) {
        const current = await read(jobId);
        if (current === undefined) throw noJob(jobId, await unreadableAt(jobId));
        const record = change(current.record);
        if (record === undefined) return current;
        try {
          return { record, seq: await write(record, current.seq, options) };
        } catch (error) {
          if (!hasCode(error, "lost_race") || round >= MAX_ROUNDS) throw error;
        }
      }
    },
    async remove(jobId, seq) {
      await broker.publish(jobs.record(jobId), "", {
        expectSubject: seq,
        headers: { "KV-Operation": "DEL" },
        ttlMs: MARKERS_MS,
      });
    },
    async requestCancel(jobId, intent) {
      if (stands(await cancelIntent(jobId))) return;
      await broker.publish(jobs.cancel(jobId), JSON.stringify(intent));
    },
    cancelIntent,
    async clearCancel(jobId) {
      const intent = await cancelIntent(jobId);
      if (!stands(intent)) return;
      // looked at after the intent: one that was stored before the job ended cannot be meant for a later try
      const current = await read(jobId);
      if (current !== undefined && !isFinal(current.record.state)) return;
      try {
        await broker.publish(jobs.cancel(jobId), "", {
          expectSubject: intent.seq,
          ttlMs: MARKERS_MS,
        });
      } catch (error) {
        if (!hasCode(error, "lost_race")) throw error;
      }
    },
  };
}

function versioned(stored: Stored | undefined): Versioned | undefined {
  const record = stored && recordIn(stored);
  return record && { record, seq: stored.seq };
}

/** Why there is no record to be read; `unreadable` is the sequence of what stands in its place. */
export const noJob = (jobId: string, unreadable?: number): MillraceError =>
  unreadable === undefined
    ? new MillraceError("job_not_found", `There is no job ${jobId}; it may have expired.`)
    : new MillraceError(
        "job_unreadable",
        `What stands in the place of job ${jobId} is no record of it (message ${unreadable}). If no later version of Millrace wrote that, somebody with a worker's key did: remove the job, and find out who.`,
      );

const stands = (intent: Stored | undefined): intent is Stored =>
  intent !== undefined && !intent.removed && intent.data.byteLength > 0;

/** A full broker is worth waiting for only to those who cannot do anything else. */
const worthRepeating = (error: unknown, withinMs: number): boolean =>
  hasCode(error, "broker_unavailable") || (hasCode(error, "storage_full") && withinMs === Infinity);
