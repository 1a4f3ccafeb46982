// Group records in their stream: created once, changed by compare-and-set only.
import { hasCode, MillraceError } from "../errors.ts";
import { decodeGroup, isOverGroup, type GroupRecord } from "../group.ts";
import { groupRetentionMs } from "../group-machine.ts";
import type { Broker } from "./broker.ts";
import { textOf } from "./wire.ts";

export type VersionedGroup = { record: GroupRecord; seq: number };

export type GroupStore = {
  /** Stores a new group. Throws `lost_race` when there is, or was within the hour, a group of that id. */
  create(record: GroupRecord): Promise<number>;
  /** The newest record; undefined when there is none. */
  read(groupId: string): Promise<VersionedGroup | undefined>;
  /** Stores the record if its subject is still at `seq`; throws `lost_race` when it is not. */
  write(record: GroupRecord, seq: number): Promise<number>;
  /** Reads, changes and writes until no one interferes. A change that returns the same record writes nothing. Throws `group_not_found`. */
  update(groupId: string, change: (record: GroupRecord) => GroupRecord): Promise<VersionedGroup>;
  /** Leaves a removal marker in the record's place if its subject is still at `seq`. */
  remove(groupId: string, seq: number): Promise<void>;
};

const MAX_ROUNDS = 50;
const REMOVED_TTL_MS = 3_600_000;

export function createGroupStore(
  broker: Pick<Broker, "publish" | "last" | "subjects">,
): GroupStore {
  const { groups } = broker.subjects;

  async function write(record: GroupRecord, expectSubject: number): Promise<number> {
    const { seq } = await broker.publish(
      groups.record(record.id),
      JSON.stringify(record),
      isOverGroup(record.state)
        ? { expectSubject, ttlMs: groupRetentionMs(record) }
        : { expectSubject },
    );
    return seq;
  }

  async function read(groupId: string): Promise<VersionedGroup | undefined> {
    const stored = await broker.last(groups.stream, groups.record(groupId));
    if (stored === undefined || stored.removed) return undefined;
    const record = decodeGroup(textOf(stored));
    if (record !== undefined) return { record, seq: stored.seq };
    throw new MillraceError(
      "internal",
      `The record of group ${groupId} is not readable; somebody else wrote to its subject.`,
    );
  }

  return {
    create: (record) => write(record, 0),
    read,
    write,
    async update(groupId, change) {
      for (let round = 0; ; round += 1) {
        const current = await read(groupId);
        if (current === undefined) throw noGroup(groupId);
        const record = change(current.record);
        if (record === current.record) return current;
        try {
          return { record, seq: await write(record, current.seq) };
        } catch (error) {
          if (!hasCode(error, "lost_race") || round >= MAX_ROUNDS) throw error;
        }
      }
    },
    async remove(groupId, seq) {
      await broker.publish(groups.record(groupId), "", {
        expectSubject: seq,
        headers: { "KV-Operation": "DEL" },
        ttlMs: REMOVED_TTL_MS,
      });
    },
  };
}

export const noGroup = (groupId: string): MillraceError =>
  new MillraceError("group_not_found", `There is no group ${groupId}; it may have expired.`);
