// Which job stands for a unique key. The order of the stream decides: of two jobs with one key that were stored at the same time the
// later one is a duplicate, which never starts and is ended.
import { durationMs } from "../../shared/durations.ts";
import type { JobRecord } from "../../shared/job.ts";
import { isOlder, isOver, scopedKey, type JobEntry } from "./entry.ts";

export type Uniques = {
  /** The job's record said something new; `isNew` when it was seen for the first time. */
  seen(entry: JobEntry, record: JobRecord, isNew: boolean): void;
  gone(entry: JobEntry): void;
  /** The job that stands for the key at an instant. */
  holder(key: string, at: number): JobEntry | undefined;
  /** The job that this one, which never started, is a duplicate of. */
  originalOf(entry: JobEntry): JobEntry | undefined;
};

/** `until`: the instant up to which the job stands for its key although it is over. */
type Claimant = { readonly entry: JobEntry; readonly key: string; readonly until: number };

const uniqueKeyOf = ({ spec, origin }: JobRecord): string | undefined =>
  spec.unique && scopedKey(spec.unique.key, origin?.namespace);

/** `end`: the job has become a duplicate. */
export function createUniques(end: (entry: JobEntry) => void): Uniques {
  const claimants = new Map<JobEntry, Claimant>();
  const byKey = new Map<string, Claimant[]>();
  const duplicates = new Map<JobEntry, JobEntry>();

  const stands = ({ entry, until }: Claimant, at: number): boolean => !isOver(entry) || at < until;

  const find = (key: string, at: number): JobEntry | undefined =>
    byKey.get(key)?.find((claimant) => stands(claimant, at))?.entry;

  function add(entry: JobEntry, key: string, lasts: string | undefined): void {
    const until = lasts === undefined ? -Infinity : entry.submittedAt + durationMs(lasts);
    const claimant: Claimant = { entry, key, until };
    claimants.set(entry, claimant);
    byKey.set(key, [...(byKey.get(key) ?? []), claimant]);
  }

  function remove(entry: JobEntry): void {
    duplicates.delete(entry);
    const claimant = claimants.get(entry);
    if (claimant === undefined) return;
    claimants.delete(entry);
    const others = byKey.get(claimant.key)?.filter((other) => other !== claimant) ?? [];
    if (others.length > 0) byKey.set(claimant.key, others);
    else byKey.delete(claimant.key);
  }

  /** Read back, a duplicate may come before the job that has stood for the key ever since it was submitted. */
  function findLater(original: JobEntry, key: string): void {
    for (const { entry } of byKey.get(key) ?? []) {
      if (!isUnstarted(entry) || !isOlder(original, entry)) continue;
      remove(entry);
      duplicates.set(entry, original);
      end(entry);
    }
  }

  /** Judges a job that was seen for the first time. */
  function judge(entry: JobEntry, record: JobRecord, key: string): void {
    if (!isFresh(record)) {
      if (!isOver(entry) && record.series === 0) findLater(entry, key);
      return;
    }
    const original = find(key, entry.submittedAt);
    if (original) duplicates.set(entry, original);
  }

  return {
    seen(entry, record, isNew) {
      const key = uniqueKeyOf(record);
      if (key === undefined) return;
      // somebody wanted it to run all the same
      if (record.series > 0) duplicates.delete(entry);
      if (isNew) judge(entry, record, key);
      if (duplicates.has(entry)) return;
      const lasts = record.spec.unique?.for;
      if (isOver(entry) && lasts === undefined) remove(entry);
      else if (!claimants.has(entry)) add(entry, key, lasts);
    },
    gone: remove,
    holder: find,
    originalOf: (entry) => duplicates.get(entry),
  };
}

/** Nothing was done with it since it was submitted. */
const isFresh = ({ state, timeline }: JobRecord): boolean =>
  state === "queued" && timeline.length === 1;

const isUnstarted = ({ state, attempt, claim, requeuedAt }: JobEntry): boolean =>
  state === "queued" && attempt === 0 && claim === undefined && requeuedAt === undefined;
