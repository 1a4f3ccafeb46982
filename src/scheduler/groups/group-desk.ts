// Where groups are handed in, asked about, ended and tried again. Submitting is one write; the leader does the rest.
import { derivedId } from "../../shared/derived-id.ts";
import { MillraceError } from "../../shared/errors.ts";
import { isOverGroup, type GroupRecord, type GroupSpec } from "../../shared/group.ts";
import { cancelled, newGroup, retried, type GroupSubmission } from "../../shared/group-machine.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { noGroup, type GroupStore, type VersionedGroup } from "../../shared/io/group-store.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import type { Resolve } from "../admission.ts";
import { refusalIn, requireSameBody } from "../submission/idempotency.ts";
import type { GroupIndex } from "./group-index.ts";
import { inLanes } from "./lanes.ts";

export type GroupDesk = {
  /**
   * Stores a group that `permit` does not refuse (by throwing). With an id that is taken, the group that has it is
   * returned, whatever refuses it now. Throws `body_too_large`, and `idempotency_conflict` as `submittedBefore` does.
   */
  submit(
    id: string,
    spec: GroupSpec,
    submission?: GroupSubmission,
    permit?: () => Promise<void>,
  ): Promise<VersionedGroup & { replayed: boolean }>;
  /** The group that has the id; throws `idempotency_conflict` if it was submitted with another fingerprint. */
  submittedBefore(id: string, fingerprint: string | undefined): Promise<VersionedGroup | undefined>;
  /** The id that an idempotency key stands for; each namespace has its own. */
  idFor(key: string, namespace?: string): string;
  /** Throws `group_not_found`. */
  read(groupId: string): Promise<VersionedGroup>;
  /** Throws `group_not_found`, `job_finished`. */
  cancel(groupId: string, actor: string, reason: string): Promise<VersionedGroup>;
  /** Throws `group_not_found`, `job_not_finished`, `illegal_move`. */
  retry(groupId: string, actor: string): Promise<VersionedGroup>;
  /** Removes a group that is over, and its jobs. Throws `group_not_found`, `job_not_finished`. */
  remove(groupId: string): Promise<void>;
  readonly index: Pick<GroupIndex, "get" | "known" | "standing" | "children" | "watch">;
};

/** What the record may grow by: chosen workers, counts, timeline. */
const RECORD_ROOM_BYTES = 262_144;
const LANES = 32;

export function createGroupDesk(deps: {
  groups: GroupStore;
  jobs: JobStore;
  index: GroupIndex;
  broker: Pick<Broker, "clock" | "maxPayload" | "streamState" | "subjects">;
  /** Makes definite what the members' specs name. */
  resolve: Resolve;
}): GroupDesk {
  const { groups, jobs, index, broker, resolve } = deps;
  const { clock, subjects } = broker;

  async function read(groupId: string): Promise<VersionedGroup> {
    const found = await groups.read(groupId);
    if (found === undefined) throw noGroup(groupId);
    return found;
  }

  function requireStorable(record: GroupRecord): void {
    const limit = broker.maxPayload - RECORD_ROOM_BYTES;
    const bytes = Buffer.byteLength(JSON.stringify(record));
    if (bytes <= limit) return;
    throw new MillraceError(
      "body_too_large",
      `The group has ${bytes} bytes of JSON; this broker can hold ${limit}.`,
    );
  }

  async function resolved(spec: GroupSpec, namespace: string | undefined): Promise<GroupSpec> {
    const members: GroupSpec["members"] = [];
    for (const member of spec.members)
      members.push({ ...member, spec: await resolve(member.spec, namespace) });
    return { ...spec, members };
  }

  async function store(
    id: string,
    asked: GroupSpec,
    submission: GroupSubmission | undefined,
  ): Promise<VersionedGroup> {
    const spec = await resolved(asked, submission?.origin?.namespace);
    const record = newGroup(id, spec, clock.now(), submission);
    requireStorable(record);
    return { record, seq: await groups.create(record) };
  }

  const submittedBefore: GroupDesk["submittedBefore"] = async (id, fingerprint) => {
    const first = await groups.read(id);
    if (first !== undefined) requireSameBody("group", first.record, fingerprint);
    return first;
  };

  async function removeJob(jobId: string): Promise<void> {
    const found = await jobs.read(jobId);
    if (found === undefined) return;
    if (!isFinal(found.record.state))
      throw new MillraceError(
        "job_not_finished",
        `Job ${jobId} of the group is ${found.record.state}; cancel it first.`,
      );
    await jobs.remove(jobId, found.seq);
  }

  return {
    index,
    read,
    submittedBefore,
    idFor: (key, namespace) =>
      derivedId(
        subjects.prefix,
        "group",
        ...(namespace === undefined ? [] : ["namespace", namespace]),
        key,
      ),
    async submit(id, asked, submission, permit = async () => {}) {
      try {
        await permit();
        return { ...(await store(id, asked, submission)), replayed: false };
      } catch (error) {
        const refusal = refusalIn(error);
        // what it names may be gone since it was submitted first
        const first = await submittedBefore(id, submission?.fingerprint);
        if (first === undefined) throw refusal;
        return { ...first, replayed: true };
      }
    },
    cancel: (groupId, actor, reason) =>
      groups.update(groupId, (record) => cancelled(record, { at: clock.now(), actor, reason })),
    async retry(groupId, actor) {
      const { lastSeq: upTo } = await broker.streamState(subjects.jobs.stream);
      return groups.update(groupId, (record) => retried(record, { at: clock.now(), actor, upTo }));
    },
    async remove(groupId) {
      const { record, seq } = await read(groupId);
      if (!isOverGroup(record.state))
        throw new MillraceError(
          "job_not_finished",
          `Group ${groupId} is ${record.state}; cancel it first.`,
        );
      await inLanes(index.children(groupId), LANES, ({ job }) => removeJob(job));
      await groups.remove(groupId, seq);
    },
  };
}
