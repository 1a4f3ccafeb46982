// Starts what schedules run, under ids that follow from schedule and instant: started twice, it is one run.
import { derivedId } from "../../shared/derived-id.ts";
import { durationMs } from "../../shared/durations.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { newJob } from "../../shared/job-machine.ts";
import { isFinal, type Origin } from "../../shared/job.ts";
import type { RunId, Schedule } from "../../shared/schedule-state.ts";
import type { JobSpec } from "../../shared/spec.ts";

export type RunRequest = { id: RunId; name: string; schedule: Schedule; at: number };

/** Runs a definition under an id; again under the same id it changes nothing. */
export type StartRun = (
  definition: string,
  params: Readonly<Record<string, unknown>>,
  origin: Origin,
  id: RunId,
) => Promise<void>;

export type Runs = {
  /** The run that an instant of a schedule stands for. */
  idOf(name: string, schedule: Schedule, at: number): RunId;
  /** Starts the run unless it was started before. Throws when what it asks for cannot be had. */
  start(request: RunRequest): Promise<void>;
  /** Stores a job unless there is, or just was, one of that id. */
  createJob(id: string, spec: JobSpec, origin: Origin): Promise<void>;
  isActive(id: RunId): Promise<boolean>;
  cancel(id: RunId, name: string): Promise<void>;
};

/** How long a finished run stays readable at least, so that a second start of it finds it. */
const KEPT_MS = 60_000;
/** A generator's result must still be there when the next leader looks for it. */
const GENERATOR_KEPT_MS = 3_600_000;

export function createRuns(deps: {
  store: Pick<JobStore, "write" | "read" | "requestCancel">;
  clock: Clock;
  prefix: string;
  startRun?: StartRun;
}): Runs {
  const { store, clock, prefix, startRun } = deps;

  async function createJob(id: string, spec: JobSpec, origin: Origin): Promise<void> {
    try {
      await store.write(newJob(id, keptAtLeast(spec, KEPT_MS), clock.now(), { origin }), 0);
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
    }
  }

  return {
    idOf: (name, { createdAt }, at) =>
      derivedId(prefix, "schedule", name, String(createdAt), String(at)),
    createJob,
    async start({ id, name, schedule: { spec }, at }) {
      const origin: Origin = { schedule: { name, at } };
      if (spec.spec !== undefined) return createJob(id, told(spec.spec, name, at), origin);
      if (spec.generator !== undefined)
        return createJob(id, keptAtLeast(spec.generator, GENERATOR_KEPT_MS), origin);
      if (startRun === undefined)
        throw new MillraceError("not_found", `There is no definition ${spec.definition}.`);
      await startRun(spec.definition ?? "", spec.params ?? {}, origin, id);
    },
    async isActive(id) {
      const found = await store.read(id);
      return found !== undefined && !isFinal(found.record.state);
    },
    async cancel(id, name) {
      const reason = "A newer instant of its schedule replaces it.";
      await store.requestCancel(id, { v: 1, at: clock.now(), actor: `schedule ${name}`, reason });
    },
  };
}

/** Programs find in their environment what they run for. */
function told(spec: JobSpec, name: string, at: number): JobSpec {
  if (spec.handler !== undefined) return spec;
  const env = { MILLRACE_SCHEDULE: name, MILLRACE_SCHEDULED_AT: new Date(at).toISOString() };
  return { ...spec, env: { ...spec.env, ...env } };
}

function keptAtLeast(spec: JobSpec, ms: number): JobSpec {
  const { retention } = spec;
  if (retention === undefined) return spec;
  const least = (asked: string): string => (durationMs(asked) >= ms ? asked : `${ms}ms`);
  if (typeof retention === "string") return { ...spec, retention: least(retention) };
  const perState = Object.entries(retention).flatMap(([state, asked]) =>
    asked === undefined ? [] : [[state, least(asked)]],
  );
  return { ...spec, retention: Object.fromEntries(perState) as JobSpec["retention"] };
}
