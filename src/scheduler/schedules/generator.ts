// Takes what a generator's run returned, once it is over, and submits it as jobs.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode } from "../../shared/errors.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isFinal, type JobRecord } from "../../shared/job.ts";
import { generatedSpecs, type Harvest } from "../../shared/schedule-generator.ts";
import type { RunId } from "../../shared/schedule-state.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Runs } from "./runs.ts";

/** What became of a run; undefined while it is on. Done again it submits nothing twice. */
export type HarvestRun = (run: RunId) => Promise<Harvest | undefined>;

/** Jobs stored at once. */
const WINDOW = 32;

export function createHarvest(deps: {
  store: Pick<JobStore, "read">;
  runs: Pick<Runs, "createJob">;
  prefix: string;
}): HarvestRun {
  const { store, runs, prefix } = deps;

  async function submit(record: JobRecord, specs: readonly JobSpec[]): Promise<void> {
    const { schedule } = record.origin ?? {};
    const origin = schedule === undefined ? {} : { schedule };
    for (let from = 0; from < specs.length; from += WINDOW)
      await Promise.all(
        specs.slice(from, from + WINDOW).map((spec, index) => {
          const id = derivedId(prefix, "generated", record.id, String(from + index));
          return runs.createJob(id, spec, origin);
        }),
      );
  }

  return async (run) => {
    const found = await store.read(run);
    if (found === undefined)
      return { run, at: 0, submitted: 0, known: 0, error: "Its record is gone." };
    const { record } = found;
    if (!isFinal(record.state)) return undefined;
    const over = { run, at: record.origin?.schedule?.at ?? record.submittedAt, known: 0 };
    if (record.state !== "succeeded")
      return {
        ...over,
        submitted: 0,
        error: `It ${record.state}: ${record.reason ?? "no reason"}`,
      };
    try {
      const specs = generatedSpecs(record.result);
      await submit(record, specs);
      return { ...over, submitted: specs.length };
    } catch (error) {
      if (!hasCode(error, "invalid_spec")) throw error;
      return { ...over, submitted: 0, error: error.message };
    }
  };
}
