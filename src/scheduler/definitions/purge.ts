// Removes runs that are over from the history of a definition; what is live stays.
import { hasCode } from "../../shared/errors.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import { inLanes } from "../groups/lanes.ts";
import type { Run, RunIndex, RunState } from "./run-index.ts";

export type PurgeWish = {
  /** Only runs that ended before this instant; epoch ms. */
  before?: number | undefined;
  state?: RunState | undefined;
};

/** Runs that one request removes at most. */
const MOST = 1_000;
const LANES = 16;

/** Resolves to how many were removed, and whether there are more. */
export type Purge = (name: string, wish: PurgeWish) => Promise<{ removed: number; more: boolean }>;

export function createPurge(deps: {
  runs: Pick<RunIndex, "runs">;
  store: Pick<JobStore, "read" | "remove">;
  groups: Pick<GroupDesk, "remove">;
}): Purge {
  const { runs, store, groups } = deps;

  async function remove({ id, kind }: Run): Promise<boolean> {
    try {
      if (kind === "group") {
        await groups.remove(id);
        return true;
      }
      const found = await store.read(id);
      if (found === undefined || !isFinal(found.record.state)) return false;
      await store.remove(id, found.seq);
      return true;
    } catch (error) {
      // tried again, or gone, since it was chosen
      if (hasCode(error, "job_not_finished", "group_not_found", "lost_race")) return false;
      throw error;
    }
  }

  return async (name, { before = Infinity, state }) => {
    const due = [...runs.runs(name)].filter(
      (run) =>
        run.finishedAt !== undefined &&
        run.finishedAt < before &&
        (state === undefined || run.state === state),
    );
    let removed = 0;
    await inLanes(due.slice(-MOST), LANES, async (run) => {
      if (await remove(run)) removed += 1;
    });
    return { removed, more: due.length > MOST };
  };
}
