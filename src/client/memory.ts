// A Millrace in memory, for the tests of people who use one: the same records and moves, and nothing outside this process.
import { customAlphabet } from "nanoid";

import { MillraceError } from "../shared/errors.ts";
import type { Handler, HandlerContext } from "../shared/handler.ts";
import { handlerName } from "../shared/handler-reference.ts";
import { aborted, deferred } from "../shared/io/lifecycle.ts";
import { isFinal, type JobEvent, type JobRecord } from "../shared/job.ts";
import { apply, newJob } from "../shared/job-machine.ts";
import { ID_ALPHABET, JOB_ID_LENGTH } from "../shared/names.ts";
import { parseSpec, type JobSpec } from "../shared/spec.ts";
import { jobOf, type Job } from "./job.ts";
import type { LogEntry } from "./log-entries.ts";
import { createMemoryArtifacts, type MemoryArtifacts } from "./memory-artifacts.ts";
import { runAttempt, type Program } from "./memory-attempt.ts";
import { reservationOf, runHandler, type LogOptions, type Millrace } from "./millrace.ts";

export type MemoryOptions = {
  /** What jobs may name. A job that names another is refused, since nobody would ever run it. */
  handlers?: readonly AnyHandler[];
  /** Plays the commands and scripts; default: each exits with 0 and prints nothing. */
  program?: Program;
};

/** A handler of whatever input and result. */
type AnyHandler = Omit<Handler, "input" | "run"> & {
  input?: unknown;
  run(input: never, context: HandlerContext): unknown;
};

export type MemoryMillrace = Millrace & {
  /** All jobs, oldest first. */
  jobs(): Job[];
};

type Kept = {
  record: JobRecord;
  output: LogEntry[];
  artifacts: MemoryArtifacts;
  /** Ends the attempt under way. */
  stop: AbortController;
  /** Somebody runs its attempts. */
  isServed: boolean;
  /** Resolves at the next change. */
  changed: ReturnType<typeof deferred<void>>;
};

const WORKER = "memory-00000000";
const newId = customAlphabet(ID_ALPHABET, JOB_ID_LENGTH);

/** Delays and waits between tries take no time here; timeouts do. Slots, queues and labels hold nothing up. */
export function createMemoryMillrace(options: MemoryOptions = {}): MemoryMillrace {
  const { handlers = [], program = () => ({ exitCode: 0 }) } = options;
  const byName = new Map(handlers.map((handler) => [handler.name, handler as Handler]));
  const jobs = new Map<string, Kept>();
  const keys = new Map<string, string>();

  function find(id: string): Kept {
    const kept = jobs.get(id);
    if (kept !== undefined) return kept;
    throw new MillraceError("job_not_found", `There is no job ${id}.`);
  }

  function touch(kept: Kept): void {
    const { changed } = kept;
    kept.changed = deferred<void>();
    changed.resolve();
  }

  function move(kept: Kept, event: JobEvent): void {
    kept.record = apply(kept.record, event);
    touch(kept);
  }

  /** As anywhere else, nobody who submits sees the job run before they have its id. */
  function serve(kept: Kept): void {
    if (kept.isServed) return;
    kept.isServed = true;
    setImmediate(() => void live(kept));
  }

  /** Runs attempts until the job is over. */
  async function live(kept: Kept): Promise<void> {
    while (!isFinal(kept.record.state)) {
      const { spec, attempt } = kept.record;
      const handler =
        spec.handler === undefined ? undefined : byName.get(handlerName(spec.handler));
      kept.stop = new AbortController();
      const number = attempt + 1;
      const common = { attempt: number, worker: WORKER };
      const startedAt = Date.now();
      move(kept, { type: "started", at: startedAt, ...common });
      const outlets = { say, keep: kept.artifacts.keeper(number) };
      const ending = await runAttempt(kept.record, handler, program, kept.stop.signal, outlets);
      kept.output.push({ kind: "end", complete: true, attempt: number, cursor: cursorOf(kept) });
      const retry = handler?.retry === undefined ? {} : { retry: handler.retry };
      const over = { startedAt, ending, random: 0, ...retry };
      move(kept, { type: "finished", at: Date.now(), ...common, ...over });

      function say(channel: "stdout" | "stderr", text: string): void {
        const place = { attempt: number, cursor: cursorOf(kept), offset: 0, at: Date.now() };
        kept.output.push({ kind: "chunk", channel, text, ...place });
        touch(kept);
      }
    }
    kept.isServed = false;
  }

  function create(given: JobSpec): string {
    const spec = parseSpec(given);
    if (spec.handler !== undefined && !byName.has(handlerName(spec.handler)))
      throw new MillraceError("invalid_spec", `There is no handler ${spec.handler} in memory.`, {
        field: "handler",
      });
    const id = newId();
    const kept: Kept = {
      record: newJob(id, spec, Date.now()),
      output: [],
      artifacts: createMemoryArtifacts(),
      stop: new AbortController(),
      isServed: false,
      changed: deferred<void>(),
    };
    jobs.set(id, kept);
    serve(kept);
    return id;
  }

  async function* read(id: string, query: LogOptions = {}): AsyncIterable<LogEntry> {
    const { follow = true, signal, from } = query;
    const kept = find(id);
    for (let next = from === undefined ? 0 : Number(from) + 1; ; next += 1) {
      while (kept.output[next] === undefined) {
        if (!follow || isFinal(kept.record.state)) return;
        await nextChange(kept, signal);
      }
      const entry = kept.output[next] as LogEntry;
      if (isWanted(entry, query)) yield entry;
    }
  }

  const millrace: MemoryMillrace = {
    async submit(spec, { key } = {}) {
      const known = key === undefined ? undefined : keys.get(key);
      const id = known ?? create(spec);
      if (key !== undefined) keys.set(key, id);
      return id;
    },
    run: (handler, input, more) => runHandler(millrace, handler, input, more),
    job: async (id) => jobOf(find(id).record),
    async wait(id, { signal } = {}) {
      const kept = find(id);
      while (!isFinal(kept.record.state)) await nextChange(kept, signal);
      return jobOf(kept.record);
    },
    logs: read,
    async artifacts(id, { attempt } = {}) {
      const { record, artifacts } = find(id);
      return artifacts.list(attempt ?? newestEnded(record));
    },
    async *artifact(id, path, { attempt } = {}) {
      const { record, artifacts } = find(id);
      yield artifacts.read(attempt ?? newestEnded(record), path);
    },
    async reserve({ slots = 1 } = {}) {
      const id = newId();
      return reservationOf(millrace, { id, worker: WORKER, slots, renew: keep, release: keep });
    },
    async cancel(id, reason = "Cancelled by request.") {
      const kept = find(id);
      if (isFinal(kept.record.state))
        throw new MillraceError("job_finished", `Job ${id} is ${kept.record.state} already.`);
      if (kept.record.state === "running") kept.stop.abort(reason);
      else move(kept, { type: "cancelled", at: Date.now(), actor: "test", reason });
    },
    async retry(id) {
      const kept = find(id);
      if (!isFinal(kept.record.state))
        throw new MillraceError("job_not_finished", `Job ${id} has not finished yet.`);
      move(kept, { type: "retried", at: Date.now(), actor: "test" });
      serve(kept);
    },
    jobs: () => [...jobs.values()].map(({ record }) => jobOf(record)),
    async close() {
      for (const { stop } of jobs.values()) stop.abort("the test is over");
    },
    [Symbol.asyncDispose]: () => millrace.close(),
  };
  return millrace;
}

/** Nobody else is here who could take a reservation away. */
const keep = async (): Promise<void> => undefined;

async function nextChange({ changed }: Kept, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return changed.promise;
  await Promise.race([changed.promise, aborted(signal)]);
  signal.throwIfAborted();
}

function isWanted(entry: LogEntry, { attempt, channel }: LogOptions): boolean {
  if (typeof attempt === "number" && entry.attempt !== attempt) return false;
  return channel === undefined || entry.kind === "end" || entry.channel === channel;
}

const newestEnded = ({ attempts }: JobRecord): number | undefined =>
  attempts.findLast(({ outcome }) => outcome !== undefined)?.number;

const cursorOf = ({ output }: Kept): string => String(output.length);
