// Runs many failed jobs again, side by side, and says what became of each.
import { hasCode, MillraceError, type ErrorCode } from "../../shared/errors.ts";
import { noJob, type Versioned } from "../../shared/io/job-store.ts";
import type { Caller } from "../auth/caller.ts";
import { awaitSeen } from "../submission/seen.ts";
import type { JobActions } from "./cancel-retry.ts";
import type { HttpDeps } from "./deps.ts";

export type Fates = { retried: string[]; refused: { id: string; code: ErrorCode }[] };

/** Jobs of one request. */
export const MOST_AT_ONCE = 1_000;
/** Jobs under way at the same time. */
const SIDE_BY_SIDE = 64;

/** What is about one job alone; anything else ends the request. */
const OWN: ErrorCode[] = [
  "job_not_found",
  "job_unreadable",
  "job_not_finished",
  "illegal_move",
  "lost_race",
  "not_found",
  "reservation_over",
];

export function createReviver(
  deps: Pick<HttpDeps, "store" | "view"> & { actions: Pick<JobActions, "retry"> },
): (ids: readonly string[], by: Caller) => Promise<Fates> {
  const { store, view, actions } = deps;

  async function revive(id: string, by: Caller): Promise<Versioned> {
    const { namespace } = by;
    const found = await store.read(id);
    const owner = found?.record.origin?.namespace;
    if (found === undefined || (namespace !== undefined && namespace !== owner)) throw noJob(id);
    if (found.record.state !== "failed")
      throw new MillraceError("illegal_move", `Job ${id} is ${found.record.state}.`);
    return actions.retry(id, by);
  }

  /** The code of what kept it from running again; undefined when nothing did. */
  async function attempt(id: string, by: Caller): Promise<ErrorCode | undefined> {
    try {
      const stored = await revive(id, by);
      // or the next question would find it among the failed ones again
      await awaitSeen(view, stored).catch(() => undefined);
      return undefined;
    } catch (error) {
      if (!hasCode(error, ...OWN)) throw error;
      return error.code;
    }
  }

  return async (ids, by) => {
    const fates: Fates = { retried: [], refused: [] };
    for (let from = 0; from < ids.length; from += SIDE_BY_SIDE) {
      const some = ids.slice(from, from + SIDE_BY_SIDE);
      const codes = await Promise.all(some.map((id) => attempt(id, by)));
      for (const [i, id] of some.entries()) {
        const code = codes[i];
        if (code === undefined) fates.retried.push(id);
        else fates.refused.push({ id, code });
      }
    }
    return fates;
  };
}
