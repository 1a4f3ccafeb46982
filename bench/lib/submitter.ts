// A client straight over NATS: creates records and learns of their ends from the republished subject.
import { customAlphabet } from "nanoid";

import { connectBroker } from "../../src/shared/io/broker.ts";
import type { BrokerCredentials } from "../../src/shared/io/credentials.ts";
import { createJobStore } from "../../src/shared/io/job-store.ts";
import { isFinal, type JobRecord } from "../../src/shared/job.ts";
import { newJob } from "../../src/shared/job-machine.ts";
import { decodeRecord } from "../../src/shared/messages.ts";
import { ID_ALPHABET, JOB_ID_LENGTH } from "../../src/shared/names.ts";
import type { JobSpec } from "../../src/shared/spec.ts";

const newId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);
/** Our own creation comes back, too: these members follow each other in it, and no spec of a workload contains them. */
const QUEUED = Buffer.from('"state":"queued","submittedAt":');

export type Submitter = AsyncDisposable & {
  /** Resolves when the job is stored; the promise in it when its end is. */
  submit(spec: JobSpec): Promise<{ ended: Promise<JobRecord> }>;
  /** Submits a job and resolves with its final record. */
  run(spec: JobSpec): Promise<JobRecord>;
  /** Submits a job whose end nobody waits for. */
  leave(spec: JobSpec): Promise<void>;
  /** Ends of jobs seen so far, also of those that nobody waits for. */
  readonly ended: number;
};

export async function connectSubmitter(
  url: string,
  credentials?: BrokerCredentials,
): Promise<Submitter> {
  const broker = await connectBroker({ url, identity: "bench", credentials });
  const store = createJobStore(broker);
  const waiting = new Map<string, (record: JobRecord) => void>();
  const idFrom = broker.subjects.jobs.record("").length;
  let count = 0;

  const listening = broker.listen(broker.subjects.jobs.changed, ({ subject, data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (bytes.includes(QUEUED)) return;
    const record = decodeRecord(bytes.toString());
    if (record === undefined || !isFinal(record.state)) return;
    count += 1;
    const id = subject.slice(idFrom);
    waiting.get(id)?.(record);
    waiting.delete(id);
  });
  await broker.flush();

  async function submit(spec: JobSpec): Promise<{ ended: Promise<JobRecord> }> {
    const record = newJob(newId(), spec, Date.now());
    const ended = new Promise<JobRecord>((resolve) => waiting.set(record.id, resolve));
    await store.create(record);
    return { ended };
  }

  return {
    submit,
    run: async (spec) => (await submit(spec)).ended,
    leave: async (spec) => void (await store.create(newJob(newId(), spec, Date.now()))),
    get ended() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}
