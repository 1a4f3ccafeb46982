// Takes what a generator's run returned, once it is over, and submits it as jobs.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode } from "../../shared/errors.ts";
import type { FileStore } from "../../shared/io/files.ts";
import { bringBack } from "../../shared/io/large-values.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isFinal, type JobRecord } from "../../shared/job.ts";
import { generatedSpecs, type Harvest } from "../../shared/schedule-generator.ts";
import type { RunId } from "../../shared/schedule-state.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Runs } from "./runs.ts";

/** What became of a run; undefined while it is on. Done again it submits nothing twice. Throws one of `NO_ROOM` while its jobs have to wait. */
export type HarvestRun = (run: RunId) => Promise<Harvest | undefined>;

/** Jobs stored at once. */
const WINDOW = 32;

export function createHarvest(deps: {
  store: Pick<JobStore, "read">;
  files: Pick<FileStore, "read">;
  runs: Pick<Runs, "createJob">;
  prefix: string;
}): HarvestRun {
  const { store, files, runs, prefix } = deps;

  /** Resolves to how many of them other jobs stand for already. */
  async function submit(record: JobRecord, specs: readonly JobSpec[]): Promise<number> {
    const { schedule, namespace } = record.origin ?? {};
    const origin = {
      ...(schedule === undefined ? {} : { schedule }),
      ...(namespace === undefined ? {} : { namespace }),
    };
    const by = schedule?.name ?? "";
    let known = 0;
    for (let from = 0; from < specs.length; from += WINDOW) {
      const others = await Promise.all(
        specs.slice(from, from + WINDOW).map((spec, index) => {
          const id = derivedId(prefix, "generated", record.id, String(from + index));
          return runs.createJob(id, spec, by, origin);
        }),
      );
      known += others.filter((other) => other !== undefined).length;
    }
    return known;
  }

  return async (run) => {
    const found = await store.read(run);
    if (found === undefined)
      return { run, at: 0, submitted: 0, known: 0, error: "Its record is gone." };
    const { record } = found;
    if (!isFinal(record.state)) return undefined;
    const over = { run, at: record.origin?.schedule?.at ?? record.submittedAt };
    if (record.state !== "succeeded")
      return {
        ...over,
        submitted: 0,
        known: 0,
        error: `It ${record.state}: ${record.reason ?? "no reason"}`,
      };
    try {
      const specs = generatedSpecs((await bringBack(files, record)).result);
      const known = await submit(record, specs);
      return { ...over, submitted: specs.length - known, known };
    } catch (error) {
      if (!hasCode(error, "invalid_spec", "body_too_large")) throw error;
      return { ...over, submitted: 0, known: 0, error: error.message };
    }
  };
}
