// What a schedule did, told in the log of happenings so that each decision is found there once.
import type { Happening } from "../../shared/happening.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { Decided } from "../../shared/schedule-state.ts";

export const KIND = "schedule";
const PAGE = 500;

export function happeningOf(name: string, of: number, decided: Decided): Happening {
  const { what, at, decidedAt, run, reason, until, count, atLeast, late, jobs } = decided;
  const detail = {
    instant: new Date(at).toISOString(),
    of,
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
    ...(count === undefined ? {} : { count }),
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(late === undefined ? {} : { late }),
    ...(jobs === undefined ? {} : { jobs }),
  };
  return {
    v: 1,
    at: decidedAt,
    kind: KIND,
    name,
    what,
    ...(reason === undefined ? {} : { reason }),
    ...(run === undefined ? {} : { job: run }),
    detail,
  };
}

/** What tells one decision from all others. */
export const keyOf = ({ name, what, detail }: Happening): string =>
  [name, String(detail?.["of"]), what, String(detail?.["instant"])].join(" ");

/** Keys of what was told about a schedule after a sequence. */
export async function toldSince(
  happenings: Happenings,
  name: string,
  after: number,
): Promise<Set<string>> {
  const keys = new Set<string>();
  for (let from = after; ;) {
    const page = await happenings.read(KIND, name, { after: from, limit: PAGE });
    for (const { seq, happening } of page) {
      keys.add(keyOf(happening));
      from = seq;
    }
    if (page.length < PAGE) return keys;
  }
}
