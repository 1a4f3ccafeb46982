// What a generator's run came to: the jobs that it returned, and what is remembered of it.
import { hasCode, MillraceError } from "./errors.ts";
import { reservationFlaws } from "./reservation.ts";
import type { GeneratorState, RunId, ScheduleState } from "./schedule-state.ts";
import { parseSpec, type JobSpec } from "./spec.ts";

/** Jobs that one run may return. */
export const MAX_GENERATED = 1_000;

/** The job specs in a generator's result: a list, or an object with a list `jobs`. Throws `invalid_spec` for the first that is none. */
export function generatedSpecs(result: unknown): JobSpec[] {
  const list = Array.isArray(result) ? result : (result as { jobs?: unknown } | null)?.jobs;
  if (!Array.isArray(list))
    throw new MillraceError("invalid_spec", "It returned no list of job specs.");
  if (list.length > MAX_GENERATED)
    throw new MillraceError(
      "invalid_spec",
      `It returned ${list.length} jobs; ${MAX_GENERATED} are allowed.`,
    );
  return list.map((one, index) => specAt(one, index));
}

function specAt(value: unknown, index: number): JobSpec {
  try {
    const spec = parseSpec(value);
    const [flaw] = reservationFlaws(spec);
    if (flaw === undefined) return spec;
    throw new MillraceError("invalid_spec", `reservation: ${flaw.message}`);
  } catch (error) {
    if (!hasCode(error, "invalid_spec")) throw error;
    throw new MillraceError(
      "invalid_spec",
      `Of the jobs that it returned, [${index}] is none: ${error.message}`,
      { cause: error },
    );
  }
}

/** A generator's run whose result was taken. */
export type Harvest = {
  run: RunId;
  at: number;
  /** Jobs that were made of it. */
  submitted: number;
  /** Jobs that were there already, under the same unique key. */
  known: number;
  error?: string;
};

export function withHarvest(state: ScheduleState, harvest: Harvest, now: number): ScheduleState {
  const { run, at, submitted, known, error } = harvest;
  const { open = [], counts = NOTHING } = state.generator ?? {};
  const failed = error === undefined ? {} : { error };
  const generator: GeneratorState = {
    open: open.filter((id) => id !== run),
    counts: {
      runs: counts.runs + 1,
      failed: counts.failed + (error === undefined ? 0 : 1),
      submitted: counts.submitted + submitted,
      known: counts.known + known,
    },
    last: { at, run, submitted, ...failed },
  };
  const reason = error === undefined ? {} : { reason: error };
  return {
    ...state,
    generator,
    decided: [
      { what: "generated", at, decidedAt: now, run, jobs: { submitted, known }, ...reason },
    ],
    ...(error === undefined ? {} : { lastError: { at: now, message: error } }),
  };
}

const NOTHING: GeneratorState["counts"] = { runs: 0, failed: 0, submitted: 0, known: 0 };
