// Whose turn it is among groups of which only one may run at a time. The turn is an entry that is handed on by compare-and-set.
import { hasCode } from "../../shared/errors.ts";
import { isOverGroup, type GroupRecord } from "../../shared/group.ts";
import { cancelled } from "../../shared/group-machine.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore } from "../../shared/io/config-store.ts";
import type { GroupStore } from "../../shared/io/group-store.ts";
import type { GroupIndex } from "./group-index.ts";

export type Turn = { group: string };

export type Turns = {
  /** True once the waiting group has the turn, which it keeps until it is over. */
  take(record: GroupRecord): Promise<boolean>;
};

/** The turn in a text; undefined when it is none. */
export function decodeTurn(text: string): Turn | undefined {
  try {
    const value = JSON.parse(text) as Partial<Turn> | null;
    return typeof value?.group === "string" ? { group: value.group } : undefined;
  } catch {
    return undefined;
  }
}

export function createTurns(deps: {
  index: Pick<GroupIndex, "get" | "live">;
  groups: GroupStore;
  entries: ConfigStore<Turn>;
  clock: Clock;
}): Turns {
  const { index, groups, entries, clock } = deps;

  function peersOf({ id, exclusive }: GroupRecord): GroupRecord[] {
    return index
      .live()
      .flatMap((groupId) => index.get(groupId)?.record ?? [])
      .filter((peer) => peer.id !== id && peer.exclusive?.key === exclusive?.key);
  }

  async function end(peer: GroupRecord, reason: string): Promise<void> {
    const cancel = { at: clock.now(), actor: "exclusive", reason };
    try {
      await groups.update(peer.id, (record) => cancelled(record, cancel));
    } catch (error) {
      if (!hasCode(error, "job_finished", "group_not_found")) throw error;
    }
  }

  /** True when nobody is before it. What its policy says about those who are is carried out. */
  async function isFirst(record: GroupRecord): Promise<boolean> {
    const before = peersOf(record).filter(
      (peer) => peer.state === "running" || isOlder(peer, record),
    );
    if (before.length === 0) return true;
    if (record.exclusive?.policy === "reject")
      await end(record, "Another run was under way, and only one is allowed.");
    if (record.exclusive?.policy === "replace")
      for (const peer of before)
        if (peer.cancel === undefined) await end(peer, `Replaced by ${record.id}.`);
    return false;
  }

  async function isFree(groupId: string): Promise<boolean> {
    const holder = await groups.read(groupId);
    return holder === undefined || isOverGroup(holder.record.state);
  }

  return {
    async take(record) {
      const key = record.exclusive?.key;
      if (key === undefined) return true;
      const entry = await entries.read(key);
      if (entry?.value.group === record.id) return true;
      if (!(await isFirst(record))) return false;
      if (entry !== undefined && !(await isFree(entry.value.group))) return false;
      try {
        await entries.put(key, { group: record.id }, entry?.revision ?? 0);
        return true;
      } catch (error) {
        if (hasCode(error, "lost_race")) return false;
        throw error;
      }
    },
  };
}

const isOlder = (a: GroupRecord, b: GroupRecord): boolean =>
  a.submittedAt === b.submittedAt ? a.id < b.id : a.submittedAt < b.submittedAt;
