// What the keys of a new job mean for the jobs that are there: one that stands for its unique key, those that it takes the place of.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { JobStore, Versioned } from "../../shared/io/job-store.ts";
import { isFinal, type JobRecord } from "../../shared/job.ts";
import { durationMs } from "../../shared/durations.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../../shared/spec.ts";
import type { Caller } from "../auth/caller.ts";
import type { Board } from "../core/board.ts";
import { awaitSeen } from "./seen.ts";

export type KeyRules = {
  /** The job that stands for the spec's unique key, if there is one. */
  existing(spec: JobSpec, by: Pick<Caller, "name" | "namespace">): Promise<Versioned | undefined>;
  /** Takes a job back that was stored although another one stands for its unique key, and returns that one. */
  giveWay(stored: Versioned): Promise<Versioned | undefined>;
  /** Cancels the older jobs whose place it takes, but for those that are spared. */
  replaceOlder(
    stored: Versioned,
    by: Pick<Caller, "name" | "namespace">,
    isSpared?: (jobId: string) => boolean,
  ): Promise<void>;
};

const MAX_ROUNDS = 3;

/** It may lag a little behind the store. */
export type KeyView = Pick<
  Board,
  "get" | "watch" | "queueSettings" | "bearersOf" | "uniqueHolder" | "originalOf"
>;

export function createKeyRules(deps: {
  store: Pick<JobStore, "read" | "remove" | "requestCancel">;
  view: KeyView;
  clock: Pick<Clock, "now">;
}): KeyRules {
  const { store, view, clock } = deps;

  /** A job that never started leaves no trace: nobody was told of it. */
  async function remove(jobId: string): Promise<void> {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const found = await store.read(jobId);
      if (found === undefined) return;
      try {
        return await store.remove(jobId, found.seq);
      } catch (error) {
        if (!hasCode(error, "lost_race")) throw error;
      }
    }
  }

  return {
    async existing({ unique }, { namespace }) {
      const id = unique && view.uniqueHolder(unique.key, clock.now(), namespace);
      const found = id === undefined ? undefined : await store.read(id);
      return found && stands(found.record, clock.now()) ? found : undefined;
    },
    async giveWay(stored) {
      const { id, spec } = stored.record;
      if (spec.unique === undefined) return undefined;
      await awaitSeen(view, stored);
      const original = view.originalOf(id);
      if (original === undefined) return undefined;
      await remove(id);
      const found = await store.read(original);
      if (found !== undefined) return found;
      throw new MillraceError(
        "lost_race",
        "The job that stood for the unique key came and went; submit it again.",
      );
    },
    async replaceOlder(stored, { name, namespace }, isSpared = () => false) {
      const { id, spec } = stored.record;
      const queue = spec.queue ?? SPEC_DEFAULTS.queue;
      const { perKey } = view.queueSettings(queue) ?? {};
      if (spec.key === undefined || perKey?.whenBusy !== "replace") return;
      await awaitSeen(view, stored);
      const bearers = view.bearersOf(queue, spec.key, namespace).map((bearer) => bearer.id);
      const older = bearers.slice(0, Math.max(0, bearers.indexOf(id)));
      const superfluous = older.slice(0, Math.max(0, older.length + 1 - (perKey.limit ?? 1)));
      const reason = `Job ${id} takes its place.`;
      await Promise.all(
        superfluous
          .filter((jobId) => !isSpared(jobId))
          .map((jobId) =>
            store.requestCancel(jobId, { v: 1, at: clock.now(), actor: name, reason }),
          ),
      );
    },
  };
}

/** True while the job keeps others of its unique key out. */
function stands({ state, spec, submittedAt }: JobRecord, now: number): boolean {
  const lasts = spec.unique?.for;
  return !isFinal(state) || (lasts !== undefined && now < submittedAt + durationMs(lasts));
}
