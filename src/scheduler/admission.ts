// Whether a queue takes one more job: its bound and its keys, with what is being submitted here but not yet in the index.
import { MillraceError } from "../shared/errors.ts";
import { withDefaults } from "../shared/queue-settings.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../shared/spec.ts";
import type { Board } from "./core/board.ts";

export type Admission = {
  /** The spec with what its queue says for jobs that do not say themselves. */
  complete(spec: JobSpec): JobSpec;
  /** The spec with what it names by a name that may come to mean something else. Throws `invalid_spec` for what there is not. */
  resolve: Resolve;
  /** Keeps a place for the job until it is disposed of; undefined where places are not counted. Throws `queue_full`, `key_busy`, `quota_exceeded`. */
  admit(spec: JobSpec, namespace: string | undefined): Disposable | undefined;
  /** Throws `queue_full` when a queue has not got room for all of the jobs that are for it. */
  requireRoom(specs: readonly JobSpec[]): void;
};

/** Codes that say: not now, but later. */
export const NO_ROOM = ["queue_full", "key_busy", "quota_exceeded"] as const;

export type Resolve = (spec: JobSpec, namespace: string | undefined) => Promise<JobSpec>;

type View = Pick<Board, "queueSettings" | "waitingIn" | "bearersOf" | "unfinishedOf">;

const FULL_RETRY_AFTER_S = 5;
const MAX_NAMED = 3;

/** `perNamespace` bounds the unfinished jobs of each tenant; absent: any number. */
export function createAdmission(
  view: View,
  perNamespace?: number,
  resolve: Resolve = async (spec) => spec,
): Admission {
  /** Places kept, by queue and by key. */
  const kept = new Map<string, number>();
  const keptFor = (name: string): number => kept.get(name) ?? 0;

  function keep(names: readonly string[]): Disposable | undefined {
    if (names.length === 0) return undefined;
    for (const name of names) kept.set(name, keptFor(name) + 1);
    return {
      [Symbol.dispose]() {
        for (const name of names) {
          const left = keptFor(name) - 1;
          if (left > 0) kept.set(name, left);
          else kept.delete(name);
        }
      },
    };
  }

  /** The name of the place that a bounded queue has for it. */
  function placeInQueue(queue: string, count: number): string[] {
    const maxQueued = view.queueSettings(queue)?.maxQueued;
    if (maxQueued === undefined) return [];
    const name = JSON.stringify([queue]);
    const waiting = view.waitingIn(queue) + keptFor(name);
    if (waiting + count <= maxQueued) return [name];
    throw new MillraceError(
      "queue_full",
      `Queue ${queue} has ${waiting} jobs that wait, of at most ${maxQueued}${count > 1 ? `; there is no room for ${count} more` : ""}. Submit it again later.`,
      { field: "queue", retryAfterS: FULL_RETRY_AFTER_S },
    );
  }

  function placeUnderKey(queue: string, key: string | undefined, namespace?: string): string[] {
    const { perKey } = view.queueSettings(queue) ?? {};
    if (key === undefined || perKey?.whenBusy !== "reject") return [];
    const name = JSON.stringify([queue, key, namespace]);
    const bearers = view.bearersOf(queue, key, namespace);
    const { limit = 1 } = perKey;
    if (bearers.length + keptFor(name) < limit) return [name];
    const named = bearers.slice(0, MAX_NAMED).map(({ id }) => id);
    throw new MillraceError(
      "key_busy",
      `Queue ${queue} takes at most ${limit} unfinished jobs of the key ${key}: ${named.join(", ") || "one is being submitted"}.`,
      { field: "key" },
    );
  }

  function placeOfTenant(namespace: string | undefined): string[] {
    if (namespace === undefined || perNamespace === undefined) return [];
    const name = JSON.stringify({ namespace });
    const unfinished = view.unfinishedOf(namespace) + keptFor(name);
    if (unfinished < perNamespace) return [name];
    throw new MillraceError(
      "quota_exceeded",
      `Namespace ${namespace} has ${unfinished} unfinished jobs, of at most ${perNamespace}. Submit it again later.`,
      { retryAfterS: FULL_RETRY_AFTER_S },
    );
  }

  return {
    resolve,
    complete: (spec) => withDefaults(spec, view.queueSettings(queueOf(spec))?.defaults),
    admit(spec, namespace) {
      const queue = queueOf(spec);
      return keep([
        ...placeOfTenant(namespace),
        ...placeInQueue(queue, 1),
        ...placeUnderKey(queue, spec.key, namespace),
      ]);
    },
    requireRoom(specs) {
      const counts = new Map<string, number>();
      for (const spec of specs) counts.set(queueOf(spec), (counts.get(queueOf(spec)) ?? 0) + 1);
      for (const [queue, count] of counts) placeInQueue(queue, count);
    },
  };
}

const queueOf = (spec: JobSpec): string => spec.queue ?? SPEC_DEFAULTS.queue;
