// The tables that the parts of the board share. Each table is changed by one part only, which its comment names.
import type { CancelIntent, PurgeMark } from "../../shared/messages.ts";
import { JOB_STATES, type JobState } from "../../shared/job.ts";
import { rulesOf, type QueueRules, type QueueSettings } from "../../shared/queue-settings.ts";
import type { JobEntry } from "./entry.ts";
import type { KeyRow } from "./key-row.ts";
import type { Row } from "./row.ts";

export type QueueRow = {
  readonly name: string;
  settings: QueueSettings;
  /** The settings that decide who starts when. */
  rules: QueueRules;
  /** Attempts that count against `maxRunning`: by the ledger. */
  running: number;
  /** Keys that have unfinished jobs: by `key-row.ts`. */
  readonly keys: Map<string, KeyRow>;
  /** What waited when somebody last emptied the queue is to be ended. */
  purge: PurgeMark | undefined;
  /** When which attempt started, as far as a rate needs it: by `rate.ts`. */
  readonly starts: Map<string, number>;
  readonly depth: Record<JobState, number>;
};

export type Tables = {
  /** Every job that has a record: by the job facts (`jobs.ts`). */
  readonly jobs: Map<string, JobEntry>;
  /** Cancel intents, also of jobs whose record has not been seen yet: by the job facts. */
  readonly cancels: Map<string, CancelIntent>;
  /** Workers: by presence (`presence.ts`). */
  readonly rows: Map<string, Row>;
  /** The same by what they bear; see `anchorsOf`. */
  readonly byAnchor: Map<string, Set<Row>>;
  /** The jobs of each tenant that are not over: by the job facts. */
  readonly unfinished: Map<string, Set<JobEntry>>;
  /** Queues that were set up or have jobs: by `queueRow`. */
  readonly queues: Map<string, QueueRow>;
};

export const createTables = (): Tables => ({
  jobs: new Map(),
  cancels: new Map(),
  rows: new Map(),
  byAnchor: new Map(),
  unfinished: new Map(),
  queues: new Map(),
});

export function queueRow({ queues }: Tables, name: string): QueueRow {
  const known = queues.get(name);
  if (known) return known;
  const row: QueueRow = {
    name,
    settings: OPEN,
    rules: rulesOf(OPEN),
    running: 0,
    keys: new Map(),
    purge: undefined,
    starts: new Map(),
    depth: noDepth(),
  };
  queues.set(name, row);
  return row;
}

const OPEN: QueueSettings = { paused: false };

export const noDepth = (): Record<JobState, number> =>
  Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;

/** True when one more attempt of the queue may start, as far as its rate allows. */
export const admits = ({ rules, running }: QueueRow): boolean =>
  !rules.paused && running < rules.maxRunning;

/** Adds to the set that stands under a key. */
export function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

/** Takes out of the set that stands under a key, and the set when nothing is left of it. */
export function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) sets.delete(key);
}
