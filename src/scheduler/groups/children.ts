// The jobs of groups: made once, as far as their queues have room, ended and tried again, each harmless when done twice.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { GroupRecord, Member } from "../../shared/group.ts";
import { childOrigin, childSpec } from "../../shared/group-plan.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { apply, newJob } from "../../shared/job-machine.ts";
import { isFinal, type JobRecord, type JobState } from "../../shared/job.ts";
import type { Admission } from "../admission.ts";
import type { Board } from "../core/board.ts";
import { createKeyRules } from "../submission/key-rules.ts";
import { createStoreInPlace } from "../submission/submit.ts";

export type MadeJob = {
  job: string;
  state: JobState;
  /** False for a place that stands for a job which is gone, or for another one that did its work. */
  isStored: boolean;
};

export type Children = {
  /**
   * Stores the job of one place unless it was made before. Resolves to its state as far as that is known.
   * Throws one of `NO_ROOM` when it has to be made later.
   */
  make(group: GroupRecord, member: Member, index: number): Promise<MadeJob>;
  /** The job that is to do the work of a member with a unique key, when there is one already. */
  standIn(group: GroupRecord, member: Member): string | undefined;
  /** Puts the wish to end beside a job. */
  cancel(group: GroupRecord, jobId: string): Promise<void>;
  /** Queues a job again that ended badly and was not touched since the group's retry. Throws one of `NO_ROOM`. */
  retry(group: GroupRecord, member: Member, index: number): Promise<void>;
};

export const childId = (prefix: string, groupId: string, member: string, index: number): string =>
  derivedId(prefix, "group", groupId, member, String(index));

const ACTOR = "group";

export function createChildren(deps: {
  store: JobStore;
  clock: Clock;
  prefix: string;
  admission: Pick<Admission, "complete" | "admit">;
  view: Pick<
    Board,
    "get" | "watch" | "queueSettings" | "bearersOf" | "uniqueHolder" | "originalOf"
  >;
  /** True for jobs of the group: they take turns where others would be replaced. */
  isSibling(jobId: string, groupId: string): boolean;
}): Children {
  const { store, clock, prefix, admission, view, isSibling } = deps;
  const storeInPlace = createStoreInPlace(deps);
  const rules = createKeyRules(deps);

  function recordOf(group: GroupRecord, member: Member, index: number): JobRecord {
    return newJob(
      childId(prefix, group.id, member.name, index),
      admission.complete(childSpec(group, member, index)),
      clock.now(),
      { actor: ACTOR, origin: childOrigin(group, member, index) },
    );
  }

  async function storeNew(
    group: GroupRecord,
    record: JobRecord,
    write: (record: JobRecord) => Promise<number>,
  ): Promise<void> {
    const stored = await storeInPlace(record, write);
    const { namespace } = group.origin ?? {};
    const by = { name: ACTOR, ...(namespace === undefined ? {} : { namespace }) };
    await rules.replaceOlder(stored, by, (jobId) => isSibling(jobId, group.id));
  }

  const holderOf = ({ spec }: Member, { origin }: GroupRecord): string | undefined =>
    spec.unique && view.uniqueHolder(spec.unique.key, clock.now(), origin?.namespace);

  /** How the job that does the work of a member ended; undefined when there is none, or it is gone. */
  async function metState(group: GroupRecord, member: Member): Promise<JobState | undefined> {
    const { metBy } = group.members[member.name] ?? {};
    const found = metBy === undefined ? undefined : await store.read(metBy);
    if (found === undefined) return undefined;
    if (isFinal(found.record.state)) return found.record.state;
    throw busy(found.record.id);
  }

  return {
    async make(group, member, index) {
      const record = recordOf(group, member, index);
      const met = await metState(group, member);
      if (met !== undefined) return { job: record.id, state: met, isStored: false };
      try {
        // not `create`, which would write over the marker of a job that was made, ended and removed
        await storeNew(group, record, (one) => store.write(one, 0));
        return { job: record.id, state: record.state, isStored: true };
      } catch (error) {
        if (!hasCode(error, "lost_race")) throw error;
      }
      const found = await store.read(record.id);
      // nobody can say how a removed one ended
      return {
        job: record.id,
        state: found?.record.state ?? "failed",
        isStored: found !== undefined,
      };
    },
    standIn(group, member) {
      const holder = holderOf(member, group);
      return holder === childId(prefix, group.id, member.name, 0) ? undefined : holder;
    },
    async cancel({ cancel }, jobId) {
      if (cancel !== undefined) await store.requestCancel(jobId, { v: 1, ...cancel });
    },
    async retry(group, member, index) {
      const { retryUpTo = 0 } = group;
      const fresh = recordOf(group, member, index);
      const found = await store.read(fresh.id);
      if (found !== undefined && (found.seq > retryUpTo || !isFinal(found.record.state))) return;
      const holder = holderOf(member, group);
      if (holder !== undefined && holder !== fresh.id) throw busy(holder);
      if (found === undefined) return storeNew(group, fresh, store.create);
      await store.clearCancel(fresh.id); // an old wish to end must not catch the new series
      const event = { type: "retried", at: clock.now(), actor: ACTOR } as const;
      try {
        await store.write(apply(found.record, event), found.seq);
      } catch (error) {
        // somebody else has moved it since, which is as good
        if (!hasCode(error, "lost_race")) throw error;
      }
    },
  };
}

const busy = (holder: string): MillraceError =>
  new MillraceError("key_busy", `Job ${holder} stands for the unique key.`, {
    field: "unique",
  });
