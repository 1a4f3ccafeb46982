// What the index keeps of each job: small, because there may be a million of them.
import type { Labels } from "../../shared/constraints.ts";
import { isFinal, type Attempt, type JobRecord, type JobState } from "../../shared/job.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import type { Claim } from "./claim.ts";
import type { Shape } from "./shape.ts";

/** Absent instants are `undefined`, not 0: a number costs a box of its own. */
export type JobEntry = {
  readonly id: string;
  readonly shape: Shape;
  readonly priority: number;
  readonly key: string | undefined;
  readonly submittedAt: number;
  readonly labels: Labels | undefined;
  /** It is a reservation. */
  readonly holds: boolean;
  /** Definition that it was made from. */
  readonly definition: string | undefined;
  /** The tenant that it belongs to. */
  readonly namespace: string | undefined;
  /** Sequence at which the job was first seen here: orders jobs of the same millisecond. */
  readonly first: number;
  /** Sequence of the newest record. */
  seq: number;
  state: JobState;
  /** Entries that its timeline has had. */
  told: number;
  /** Newest attempt that the record knows. */
  attempt: number;
  /** Worker of the attempt that the record says is running. */
  worker: string | undefined;
  /** Worker under which the newest attempt failed. */
  avoid: string | undefined;
  /** When it was queued, if that was after the submit. */
  requeuedAt: number | undefined;
  notBefore: number | undefined;
  /** Absent once an attempt has started. */
  expiresAt: number | undefined;
  finishedAt: number | undefined;
  /** How long the newest attempt ran, of a job that is over. */
  tookMs: number | undefined;
  /** Of the newest attempt. */
  exitCode: number | undefined;
  /** Worker of the newest attempt that the record knows. */
  lastWorker: string | undefined;
  /** The attempt that some worker has or is being given. */
  claim: Claim | undefined;
  /** Where the job waits: nowhere, in its line, or for its instant; or that the index has dropped it. */
  spot: "none" | "line" | "delay" | "gone";
};

/** `key`: that of the spec, in a copy that the jobs which bear it can share. */
export function newEntry(
  record: JobRecord,
  seq: number,
  shape: Shape,
  key: string | undefined,
): JobEntry {
  return {
    id: record.id,
    shape,
    priority: record.spec.priority ?? SPEC_DEFAULTS.priority,
    key,
    submittedAt: record.submittedAt,
    labels: record.spec.labels,
    holds: record.origin?.holds ?? false,
    definition: record.origin?.definition?.name,
    namespace: record.origin?.namespace,
    first: seq,
    seq,
    told: 0,
    state: record.state,
    attempt: record.attempt,
    worker: undefined,
    avoid: undefined,
    requeuedAt: undefined,
    notBefore: undefined,
    expiresAt: undefined,
    finishedAt: undefined,
    tookMs: undefined,
    exitCode: undefined,
    lastWorker: undefined,
    claim: undefined,
    spot: "none",
  };
}

/** Each namespace has its own keys. */
export const scopedKey = (key: string, namespace: string | undefined): string =>
  namespace === undefined ? key : `${namespace}/${key}`;

/** Takes over what a newer record says. */
export function updateEntry(entry: JobEntry, record: JobRecord, seq: number): void {
  const newest = record.attempts.at(-1);
  const failed = newest?.outcome !== undefined && newest.outcome !== "handed_back";
  const started = record.attempts.some(({ startedAt }) => startedAt !== undefined);
  entry.seq = seq;
  entry.told = (record.forgotten ?? 0) + record.timeline.length;
  entry.state = record.state;
  entry.attempt = record.attempt;
  entry.worker = record.state === "running" ? newest?.worker : undefined;
  entry.avoid = failed ? newest?.worker : undefined;
  entry.requeuedAt = queuedAgainAt(record);
  entry.notBefore = record.notBefore;
  entry.expiresAt = started ? undefined : record.expiresAt;
  entry.finishedAt = record.finishedAt;
  entry.tookMs = isFinal(record.state) ? tookMs(newest) : undefined;
  entry.exitCode = newest?.exitCode;
  entry.lastWorker = newest?.worker;
}

const tookMs = (attempt: Attempt | undefined): number =>
  Math.max(0, (attempt?.finishedAt ?? 0) - (attempt?.startedAt ?? attempt?.finishedAt ?? 0));

function queuedAgainAt({ state, timeline }: JobRecord): number | undefined {
  return state === "queued" && timeline.length > 1 ? timeline.at(-1)?.at : undefined;
}

/** Submit order. The instant comes first because, unlike a sequence, it survives the job's later writes: all replicas agree on it. */
export const isOlder = (a: JobEntry, b: JobEntry): boolean =>
  a.submittedAt === b.submittedAt ? a.first < b.first : a.submittedAt < b.submittedAt;

/** Epoch ms since when nothing but room and rules has kept the job from starting. */
export const waitsSince = ({ submittedAt, requeuedAt, notBefore }: JobEntry): number =>
  Math.max(requeuedAt ?? submittedAt, notBefore ?? 0);

/** The state that people see: a job runs from its assignment on. */
export const shownState = (entry: JobEntry): JobState =>
  entry.claim === undefined ? entry.state : "running";

export const isOver = (entry: JobEntry): boolean => isFinal(entry.state);
