// The records of waiting jobs as text, ready to be put into an assignment: those that wait longest are kept, the rest is read ahead.
import type { Broker } from "../shared/io/broker.ts";
import { textOf } from "../shared/io/wire.ts";

export type Bodies = {
  /** Keeps the text of a waiting job's record while there is room. */
  keep(jobId: string, seq: number, text: string): void;
  drop(jobId: string): void;
  /** The record stored at `seq`; undefined when the job has a newer one or none. */
  read(jobId: string, seq: number): string | Promise<string | undefined>;
};

type Body = { readonly seq: number; readonly text: string };

const MAX_CHARACTERS = 32 * 1024 * 1024;
const AHEAD = { limit: 256, maxBytes: 1_048_576 };

export function createBodies(
  broker: Pick<Broker, "subjects" | "range" | "next">,
  maxCharacters = MAX_CHARACTERS,
): Bodies {
  const { jobs } = broker.subjects;
  const kept = new Map<string, Body>();
  let size = 0;
  /** What stood behind the last record that had to be read: jobs are placed about in the order of their records. */
  let ahead = new Map<string, Body>();

  function drop(jobId: string): void {
    size -= kept.get(jobId)?.text.length ?? 0;
    kept.delete(jobId);
  }

  async function readAhead(jobId: string, seq: number): Promise<string | undefined> {
    const { messages } = await broker.range(jobs.stream, {
      from: seq,
      subject: jobs.all,
      ...AHEAD,
    });
    ahead = new Map(
      messages.map((message) => [message.subject, { seq: message.seq, text: textOf(message) }]),
    );
    const found = ahead.get(jobs.record(jobId));
    if (found?.seq === seq) return found.text;
    // A replica of the stream may lag; its leader knows.
    const newest = await broker.next(jobs.stream, { from: seq, subject: jobs.record(jobId) });
    return newest?.seq === seq && !newest.removed ? textOf(newest) : undefined;
  }

  return {
    keep(jobId, seq, text) {
      drop(jobId);
      if (size + text.length > maxCharacters) return;
      kept.set(jobId, { seq, text });
      size += text.length;
    },
    drop,
    read(jobId, seq) {
      const near = [kept.get(jobId), ahead.get(jobs.record(jobId))].find(
        (body) => body?.seq === seq,
      );
      return near?.text ?? readAhead(jobId, seq);
    },
  };
}
