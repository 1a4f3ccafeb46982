// The jobs of groups: made once, ended and tried again, each harmless when done twice.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode } from "../../shared/errors.ts";
import type { GroupRecord, Member } from "../../shared/group.ts";
import { childOrigin, childSpec } from "../../shared/group-plan.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { apply, newJob } from "../../shared/job-machine.ts";
import { isFinal, type JobRecord, type JobState } from "../../shared/job.ts";
import type { Admission } from "../admission.ts";

export type Children = {
  /** Stores the job of one place unless it was made before. Resolves to its state as far as that is known. */
  make(
    group: GroupRecord,
    member: Member,
    index: number,
  ): Promise<{ job: string; state: JobState }>;
  /** Puts the wish to end beside a job. */
  cancel(group: GroupRecord, jobId: string): Promise<void>;
  /** Queues a job again that ended badly and was not touched since the group's retry. */
  retry(group: GroupRecord, member: Member, index: number): Promise<void>;
};

export const childId = (prefix: string, groupId: string, member: string, index: number): string =>
  derivedId(prefix, "group", groupId, member, String(index));

const ACTOR = "group";

export function createChildren(deps: {
  store: JobStore;
  clock: Clock;
  prefix: string;
  /** The spec with what its queue says for jobs that do not say themselves. */
  complete: Admission["complete"];
}): Children {
  const { store, clock, prefix, complete } = deps;

  function recordOf(group: GroupRecord, member: Member, index: number): JobRecord {
    return newJob(
      childId(prefix, group.id, member.name, index),
      complete(childSpec(group, member, index)),
      clock.now(),
      { actor: ACTOR, origin: childOrigin(group, member, index) },
    );
  }

  return {
    async make(group, member, index) {
      const record = recordOf(group, member, index);
      try {
        // not `create`, which would write over the marker of a job that was made, ended and removed
        await store.write(record, 0);
        return { job: record.id, state: record.state };
      } catch (error) {
        if (!hasCode(error, "lost_race")) throw error;
      }
      const found = await store.read(record.id);
      // nobody can say how a removed one ended
      return { job: record.id, state: found?.record.state ?? "failed" };
    },
    async cancel({ cancel }, jobId) {
      if (cancel !== undefined) await store.requestCancel(jobId, { v: 1, ...cancel });
    },
    async retry(group, member, index) {
      const { retryUpTo = 0 } = group;
      const fresh = recordOf(group, member, index);
      const found = await store.read(fresh.id);
      if (found === undefined) return void (await store.create(fresh));
      if (found.seq > retryUpTo || !isFinal(found.record.state)) return;
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
