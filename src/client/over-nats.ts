// Submitting and waiting straight over the broker, for volume: many jobs share a message, and their ends are pushed.
import { derivedId } from "../shared/derived-id.ts";
import { hasCode, MillraceError } from "../shared/errors.ts";
import type { Handler } from "../shared/handler.ts";
import type { Broker } from "../shared/io/broker.ts";
import { deferred, type Deferred } from "../shared/io/lifecycle.ts";
import type { JobSpec } from "../shared/spec.ts";
import { decodeResults, MAX_SUBMISSIONS, type Submissions } from "../shared/submission.ts";
import { createEnds } from "./ends.ts";
import type { Job } from "./job.ts";
import { NEVER, runHandler, type Millrace, type RunOptions } from "./millrace.ts";
import { persistently } from "./persistence.ts";

type Pending = Deferred<string> & { spec: JobSpec; key: string; bytes: number };

const ANSWER_MS = 10_000;
const OVERHEAD_BYTES = 64;

/** Everything but submit, run and wait goes the other way. Disposing it closes the broker. */
export function createNatsMillrace(broker: Broker, other: Millrace): Millrace {
  const { submit: subject } = broker.subjects;
  const ends = createEnds(broker, other.job);
  let pending: Pending[] = [];

  function enqueue(spec: JobSpec, key: string, bytes: number): Promise<string> {
    const one: Pending = { ...deferred<string>(), spec, key, bytes };
    if (pending.length === 0) setImmediate(flush);
    pending.push(one);
    return one.promise;
  }

  /** What was asked for in the same turn goes together. */
  function flush(): void {
    const all = pending;
    pending = [];
    let batch: Pending[] = [];
    let bytes = OVERHEAD_BYTES;
    for (const one of all) {
      if (batch.length === MAX_SUBMISSIONS || bytes + one.bytes > broker.maxPayload) {
        if (batch.length > 0) void send(batch);
        batch = [];
        bytes = OVERHEAD_BYTES;
      }
      batch.push(one);
      bytes += one.bytes;
    }
    void send(batch);
  }

  async function send(batch: Pending[]): Promise<void> {
    try {
      const asked: Submissions = { v: 1, jobs: batch.map(({ spec, key }) => ({ spec, key })) };
      const answer = decodeResults(await broker.request(subject, JSON.stringify(asked), ANSWER_MS));
      for (const [place, one] of batch.entries()) {
        const result = answer?.results[place];
        if (result !== undefined && "id" in result) one.resolve(result.id);
        else one.reject(refusalOf(result));
      }
    } catch (error) {
      const cause = hasCode(error, "worker_unreachable") ? unreachable(error) : error;
      for (const one of batch) one.reject(cause);
    }
  }

  async function wait(id: string, signal?: AbortSignal): Promise<Job> {
    using listening = ends.listen(id);
    return await listening.ended(signal);
  }

  /** A key that nobody else has tells the id before the job is there: whoever listens first need not look afterwards. */
  async function runNew<Input, Output>(
    handler: Handler<Input, Output> | string,
    input: Input,
    options: RunOptions,
  ): Promise<Awaited<Output>> {
    const key = crypto.randomUUID();
    const expected = derivedId(broker.subjects.prefix, key);
    using listening = ends.listen(expected, "unborn");
    const verbs = {
      submit: millrace.submit,
      wait: (id: string, { signal }: { signal?: AbortSignal } = {}) =>
        id === expected ? listening.ended(signal) : wait(id, signal),
    };
    return await runHandler(verbs, handler, input, { ...options, key });
  }

  const millrace: Millrace = {
    ...other,
    submit(spec, { key = crypto.randomUUID(), signal = NEVER } = {}) {
      const bytes = Buffer.byteLength(JSON.stringify(spec)) + key.length + OVERHEAD_BYTES;
      // no message of the broker holds a larger one
      if (bytes + OVERHEAD_BYTES > broker.maxPayload) return other.submit(spec, { key, signal });
      return persistently(signal, () => enqueue(spec, key, bytes));
    },
    wait: (id, { signal } = {}) => wait(id, signal),
    run: (handler, input, options = {}) =>
      options.key === undefined
        ? runNew(handler, input, options)
        : runHandler(millrace, handler, input, options),
    async close() {
      await other.close();
      ends[Symbol.dispose]();
      await broker[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: () => millrace.close(),
  };
  return millrace;
}

const unreachable = (cause: unknown) =>
  new MillraceError("server_unreachable", "No scheduler answers on the broker.", { cause });

type Result = NonNullable<ReturnType<typeof decodeResults>>["results"][number];

function refusalOf(result: Result | undefined): MillraceError {
  if (result === undefined || !("refused" in result))
    return new MillraceError("internal", "The scheduler's answer cannot be read.");
  const { code, detail, field } = result.refused;
  return new MillraceError(code, detail, field === undefined ? {} : { field });
}
