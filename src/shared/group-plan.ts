// What each job of a group is: its spec, its place in the group, the values it stands for.
import { plannedSize, type GroupRecord, type Member } from "./group.ts";
import type { Origin } from "./job.ts";
import { durationMs } from "./durations.ts";
import type { JobSpec } from "./spec.ts";

/** Jobs of a group are kept this long at least, so that a new leader still finds what an earlier one made. */
const KEPT_AT_LEAST = "1h";

/** How many jobs the member has; undefined while its workers are not chosen. */
export const sizeOf = (record: GroupRecord, member: Member): number | undefined =>
  plannedSize(member) ?? record.members[member.name]?.chosen?.length;

/** The combination at a place: the last dimension changes fastest. */
export function valuesAt(
  matrix: NonNullable<Member["matrix"]>,
  index: number,
): Record<string, string> {
  const values: [string, string][] = [];
  let rest = index;
  for (const [key, choices] of Object.entries(matrix).toReversed()) {
    values.unshift([key, String(choices[rest % choices.length])]);
    rest = Math.floor(rest / choices.length);
  }
  return Object.fromEntries(values);
}

export function childSpec(record: GroupRecord, member: Member, index: number): JobSpec {
  const { spec } = member;
  const labels = { ...record.spec.labels, ...spec.labels };
  const worker = record.members[member.name]?.chosen?.[index];
  return {
    ...spec,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(worker === undefined ? {} : { worker }),
    ...(spec.retention === undefined ? {} : { retention: longEnough(spec.retention) }),
  };
}

function longEnough(retention: NonNullable<JobSpec["retention"]>): typeof retention {
  if (typeof retention === "string")
    return durationMs(retention) < durationMs(KEPT_AT_LEAST) ? KEPT_AT_LEAST : retention;
  return Object.fromEntries(
    Object.entries(retention).map(([state, time]) => [state, time && longEnough(time)]),
  );
}

export function childOrigin(record: GroupRecord, member: Member, index: number): Origin {
  const { count, matrix, onEvery, name } = member;
  const isArray = count !== undefined || matrix !== undefined || onEvery !== undefined;
  const size = sizeOf(record, member);
  return {
    ...record.origin,
    group: {
      id: record.id,
      member: name,
      index,
      ...(isArray && size !== undefined ? { count: size } : {}),
      ...(matrix === undefined ? {} : { values: valuesAt(matrix, index) }),
    },
  };
}
