// A client straight over NATS: creates records and learns of their ends from the republished subject.
import { customAlphabet } from "nanoid";

import { connectBroker } from "../../src/shared/io/broker.ts";
import { createJobStore } from "../../src/shared/io/job-store.ts";
import { textOf } from "../../src/shared/io/wire.ts";
import { isFinal, type JobRecord } from "../../src/shared/job.ts";
import { newJob } from "../../src/shared/job-machine.ts";
import { decodeRecord } from "../../src/shared/messages.ts";
import { ID_ALPHABET, JOB_ID_LENGTH } from "../../src/shared/names.ts";
import type { JobSpec } from "../../src/shared/spec.ts";

const newId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);

export type Submitter = AsyncDisposable & {
  /** Submits a job and resolves with its final record. */
  run(spec: JobSpec): Promise<JobRecord>;
};

export async function connectSubmitter(url: string): Promise<Submitter> {
  const broker = await connectBroker({ url, identity: "bench" });
  const store = createJobStore(broker);
  const waiting = new Map<string, (record: JobRecord) => void>();
  const listening = broker.listen(broker.subjects.jobs.changed, (message) => {
    const id = message.subject.slice(broker.subjects.jobs.record("").length);
    const resolve = waiting.get(id);
    const record = resolve && decodeRecord(textOf(message));
    if (!record || !isFinal(record.state)) return;
    waiting.delete(id);
    resolve?.(record);
  });
  await broker.flush();
  return {
    async run(spec) {
      const record = newJob(newId(), spec, Date.now());
      const final = new Promise<JobRecord>((resolve) => waiting.set(record.id, resolve));
      await store.create(record);
      return final;
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}
