// Reads an attempt's stored chunks in batches, the next one under way while the last one is used.
import type { Broker } from "../../shared/io/broker.ts";
import { itemOf, type LogItem } from "./entry.ts";

export type Batch = { items: LogItem[]; more: boolean };

export type Replay = {
  /** Batches after a sequence until nothing more is stored; at least one, possibly empty. */
  batches(job: string, attempt: number, after: number): AsyncGenerator<Batch>;
  /** The first chunk after a sequence. */
  next(job: string, attempt: number, after: number): Promise<LogItem | undefined>;
  /** The newest chunk. */
  last(job: string, attempt: number): Promise<LogItem | undefined>;
};

const MOST_BYTES = 2 * 1_048_576;
const FEWEST_BYTES = 262_144;
/** All batches that are under way or in use together. */
const SHARED_BYTES = 64 * 1_048_576;
const MOST_MESSAGES = 1_000;

export function createReplay(broker: Broker): Replay {
  const { logs } = broker.subjects;
  let readers = 0;

  async function read(job: string, attempt: number, after: number, limit: number): Promise<Batch> {
    const fair = Math.floor(SHARED_BYTES / Math.max(1, 2 * readers));
    const { messages, more } = await broker.range(logs.stream, {
      from: after + 1,
      subject: logs.of(job, attempt),
      limit,
      maxBytes: Math.max(FEWEST_BYTES, Math.min(MOST_BYTES, fair)),
    });
    const items = messages.flatMap((stored) => itemOf(job, attempt, stored) ?? []);
    return { items, more: more && messages.length > 0 };
  }

  return {
    async *batches(job, attempt, after) {
      readers += 1;
      try {
        let coming = read(job, attempt, after, MOST_MESSAGES);
        for (;;) {
          const batch = await coming;
          const newest = batch.items.at(-1);
          const more = batch.more && newest !== undefined;
          if (more) {
            coming = read(job, attempt, newest.seq, MOST_MESSAGES);
            coming.catch(() => undefined); // the reader may stop before it asks for this one
          }
          yield { items: batch.items, more };
          if (!more) return;
        }
      } finally {
        readers -= 1;
      }
    },
    async next(job, attempt, after) {
      return (await read(job, attempt, after, 1)).items[0];
    },
    async last(job, attempt) {
      const stored = await broker.lastNearby(logs.stream, logs.of(job, attempt));
      return stored === undefined ? undefined : itemOf(job, attempt, stored);
    },
  };
}
