// Watches the brokers past all links: every version of every record, every assignment, every worker that registers.
import { connectBroker } from "../../src/shared/io/broker.ts";
import { createFeed } from "../../src/shared/io/feed.ts";
import { runAll } from "../../src/shared/io/lifecycle.ts";
import { textOf, type Stored } from "../../src/shared/io/wire.ts";
import { isFinal, type JobRecord } from "../../src/shared/job.ts";
import { decodeAssignments, decodeHeartbeat, decodeRecord } from "../../src/shared/messages.ts";
import { afterTokens } from "../../src/shared/subjects.ts";
import type { Observation } from "./checker/history.ts";

export type Observer = {
  /** The newest record of every job. */
  readonly records: ReadonlyMap<string, JobRecord>;
  /** Resolves when everything that the brokers hold was noted. */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
};

export type ObserverOptions = {
  natsUrl: string;
  note(seen: Observation): void;
  /** A job has just become final. */
  onFinal(record: JobRecord): void;
};

export async function startObserver({
  natsUrl,
  note,
  onFinal,
}: ObserverOptions): Promise<Observer> {
  const broker = await connectBroker({ url: natsUrl, identity: "chaos" });
  const { jobs, assign, workers } = broker.subjects;
  const records = new Map<string, JobRecord>();
  const known = new Set<string>();
  const stop = new AbortController();

  function onJob(message: Stored): void {
    const job = afterTokens(message.subject, 2);
    if (job.includes(".")) return; // a cancel intent
    const record = message.removed ? undefined : decodeRecord(textOf(message));
    const at = storedAt(message) ?? record?.timeline.at(-1)?.at ?? Date.now();
    note({
      kind: "record",
      at,
      seq: message.seq,
      job,
      ...(record === undefined ? {} : { record }),
    });
    if (record === undefined) return;
    records.set(job, record);
    if (isFinal(record.state)) onFinal(record);
  }

  function onAssign(message: Stored): void {
    const batch = decodeAssignments(textOf(message));
    if (batch === undefined) throw new Error(`assignment ${message.seq} cannot be read`);
    const { epoch } = batch;
    const items = batch.items.map(({ record, attempt, seq }) => ({ job: record.id, attempt, seq }));
    const to = message.subject === assign.epoch ? {} : { worker: afterTokens(message.subject, 2) };
    note({
      kind: "assign",
      at: storedAt(message) ?? Date.now(),
      seq: message.seq,
      epoch,
      ...to,
      items,
    });
  }

  function onBeat(message: Stored): void {
    const beat = message.removed ? undefined : decodeHeartbeat(textOf(message));
    if (beat === undefined || known.has(beat.id)) return;
    known.add(beat.id);
    const { id: worker, name, labels, slots } = beat;
    note({ kind: "worker", at: Date.now(), worker, name, slots: slots.total, labels });
  }

  const feeds = [
    createFeed({
      broker,
      stream: jobs.stream,
      source: jobs.all,
      listen: jobs.changed,
      scope: "stream",
      onMessage: onJob,
    }),
    createFeed({
      broker,
      stream: assign.stream,
      source: assign.all,
      listen: assign.commands,
      scope: "stream",
      onMessage: onAssign,
    }),
    createFeed({
      broker,
      stream: workers.stream,
      source: workers.all,
      listen: workers.beats,
      scope: "stream",
      onMessage: onBeat,
    }),
  ];
  const running = runAll(feeds, stop.signal);
  running.catch(() => undefined); // told when it is stopped
  return {
    records,
    caughtUp: async () => void (await Promise.all(feeds.map((feed) => feed.caughtUp()))),
    async stop() {
      stop.abort();
      await running;
      await broker[Symbol.asyncDispose]();
    },
  };
}

function storedAt(message: Stored): number | undefined {
  return Date.parse(message.header("Nats-Time-Stamp") ?? "") || undefined;
}
