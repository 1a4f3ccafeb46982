// The newest changes of all jobs, kept in memory while somebody follows them; who is further behind reads them from the stream.
import type { Broker } from "../shared/io/broker.ts";
import { recordIn } from "../shared/io/decode-record.ts";
import type { JobRecord, TimelineEntry } from "../shared/job.ts";
import { SPEC_DEFAULTS } from "../shared/spec.ts";
import { createBell } from "./bell.ts";
import type { Board } from "./core/board.ts";

/** What became of a job with the record stored at `seq`. Small, since many are kept. */
export type Change = {
  seq: number;
  job: string;
  queue: string;
  labels: Readonly<Record<string, string>>;
  definition?: string;
  /** Exit code of the newest attempt. */
  exitCode?: number;
  /** The tenant that the job belongs to. */
  namespace?: string;
  entries: Told[];
};

/** An entry of a job's timeline; `index` counts all that the timeline ever had. */
export type Told = { index: number; entry: TimelineEntry };

export type ChangeLog = {
  /** Changes after `after`, or from now on. Who is too far behind gets of each job what its newest record says, once. */
  follow(after: number | undefined, signal: AbortSignal): AsyncGenerator<Change[]>;
};

export type ChangeLogDeps = {
  view: Pick<Board, "watch" | "newestSeq">;
  broker: Pick<Broker, "range" | "subjects">;
  /** What those get who are too far behind to know what they have missed: the newest entry of the timeline, or all of them. */
  behind: "newest" | "all";
};

type Step = { changes: Change[]; to: number };

const CAPACITY = 2_000;
const BATCH = 500;

export function createChangeLog({ view, broker, behind }: ChangeLogDeps): ChangeLog {
  const { stream, all } = broker.subjects.jobs;
  const bells = new Set<() => void>();
  let watch: Disposable | undefined;
  let recent: Change[] = [];
  /** `recent` has all changes after this sequence. */
  let covered = 0;

  function add(change: Change): void {
    recent.push(change);
    if (recent.length >= 2 * CAPACITY) {
      covered = recent[CAPACITY - 1]?.seq ?? covered;
      recent = recent.slice(CAPACITY);
    }
    for (const ring of bells) ring();
  }

  function join(ring: () => void): Disposable {
    bells.add(ring);
    if (watch === undefined) covered = view.newestSeq();
    watch ??= view.watch("*", ({ record, seq, fresh = 0 }) => {
      if (record !== undefined && fresh > 0) add(changeIn(record, seq, fresh));
    });
    return {
      [Symbol.dispose]() {
        bells.delete(ring);
        if (bells.size > 0) return;
        watch?.[Symbol.dispose]();
        watch = undefined;
        recent = [];
      },
    };
  }

  /** What comes after a position, and how far that reaches. */
  async function next(position: number): Promise<Step> {
    if (position >= covered) {
      const changes = newerThan(recent, position);
      return { changes, to: changes.at(-1)?.seq ?? position };
    }
    const step = await readOn(position);
    // where the stream has nothing more, all that there was in between has been replaced
    return step.to === position ? { changes: [], to: covered } : step;
  }

  async function readOn(position: number): Promise<Step> {
    const { messages } = await broker.range(stream, {
      from: position + 1,
      subject: all,
      limit: BATCH,
    });
    const changes = messages.flatMap((message) => {
      const record = recordIn(message);
      const count = behind === "all" ? Infinity : 1;
      return record === undefined ? [] : [changeIn(record, message.seq, count)];
    });
    return { changes, to: messages.at(-1)?.seq ?? position };
  }

  return {
    async *follow(after, signal) {
      using bell = createBell(signal);
      using _joined = join(bell.ring);
      let position = after ?? recent.at(-1)?.seq ?? covered;
      while (!signal.aborted) {
        const { changes, to } = await next(position);
        if (changes.length > 0) yield changes;
        else if (to === position) await bell.wait();
        position = to;
      }
    },
  };
}

/** The change that the newest `count` entries of the record's timeline make. */
function changeIn(record: JobRecord, seq: number, count: number): Change {
  const { id, spec, origin, timeline, forgotten = 0 } = record;
  const from = Math.max(0, timeline.length - count);
  const definition = origin?.definition?.name;
  const namespace = origin?.namespace;
  const exitCode = record.attempts.at(-1)?.exitCode;
  return {
    seq,
    job: id,
    queue: spec.queue ?? SPEC_DEFAULTS.queue,
    labels: spec.labels ?? {},
    ...(definition === undefined ? {} : { definition }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(exitCode === undefined ? {} : { exitCode }),
    entries: timeline
      .slice(from)
      .map((entry, place) => ({ index: forgotten + from + place, entry })),
  };
}

function newerThan(changes: readonly Change[], position: number): Change[] {
  let from = changes.length;
  while (from > 0 && (changes[from - 1] as Change).seq > position) from -= 1;
  return changes.slice(from, from + BATCH);
}
