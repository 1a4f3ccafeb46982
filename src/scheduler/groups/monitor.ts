// Watches how long groups take: tells when one is overdue, ends it when it may not go on.
import { durationMs } from "../../shared/durations.ts";
import { isOverGroup, type GroupRecord } from "../../shared/group.ts";
import { alerted, cancelled } from "../../shared/group-machine.ts";
import type { Happening } from "../../shared/happening.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { scopedName } from "../../shared/scoped-name.ts";
import type { GroupIndex } from "./group-index.ts";

export type Monitor = {
  /** The record with what its time asks for; the same record when it has time. Tells of it first, at least once. */
  look(record: GroupRecord): Promise<GroupRecord>;
  /** Epoch ms of the next instant that a group must be looked at; Infinity when there is none. */
  nextDueAt(): number;
  /** Groups that must be looked at now. */
  due(now: number): string[];
};

export function createMonitor(deps: {
  index: Pick<GroupIndex, "get" | "monitored">;
  clock: Clock;
  tell(happening: Happening, once: string): Promise<unknown>;
}): Monitor {
  const { index, clock, tell } = deps;

  function* instants(): Iterable<{ groupId: string; at: number }> {
    for (const groupId of index.monitored()) {
      const record = index.get(groupId)?.record;
      const at = record && dueAt(record);
      if (at !== undefined) yield { groupId, at };
    }
  }

  async function tellOverdue(record: GroupRecord, at: number): Promise<void> {
    const { id, origin, series, spec } = record;
    const { definition } = origin ?? {};
    await tell(
      {
        v: 1,
        at,
        kind: definition === undefined ? "group" : "definition",
        name: definition === undefined ? id : scopedName(definition.name, origin?.namespace),
        what: "overdue",
        reason: `It has run for longer than ${spec.monitor?.alertAfter}.`,
        detail: { group: id },
      },
      `overdue.${id}.${series}`,
    );
  }

  return {
    async look(record) {
      const now = clock.now();
      const { stopAt, alertAt } = limitsOf(record);
      if (stopAt !== undefined && stopAt <= now) {
        const reason = `It ran for longer than ${record.spec.monitor?.stopAfter}.`;
        return cancelled(record, { at: now, actor: "monitor", reason });
      }
      if (alertAt === undefined || alertAt > now) return record;
      await tellOverdue(record, now);
      return alerted(record, now);
    },
    nextDueAt() {
      let next = Infinity;
      for (const { at } of instants()) next = Math.min(next, at);
      return next;
    },
    due: (now) => [...instants()].filter(({ at }) => at <= now).map(({ groupId }) => groupId),
  };
}

/** What still lies ahead of it. */
function limitsOf(record: GroupRecord): { alertAt?: number; stopAt?: number } {
  const { startedAt, alertedAt, cancel, state, spec } = record;
  if (startedAt === undefined || isOverGroup(state)) return {};
  const { alertAfter, stopAfter } = spec.monitor ?? {};
  return {
    ...(alertAfter === undefined || alertedAt !== undefined
      ? {}
      : { alertAt: startedAt + durationMs(alertAfter) }),
    ...(stopAfter === undefined || cancel !== undefined
      ? {}
      : { stopAt: startedAt + durationMs(stopAfter) }),
  };
}

function dueAt(record: GroupRecord): number | undefined {
  const { alertAt, stopAt } = limitsOf(record);
  if (alertAt === undefined && stopAt === undefined) return undefined;
  return Math.min(alertAt ?? Infinity, stopAt ?? Infinity);
}
