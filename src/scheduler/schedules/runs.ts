// Starts what schedules run, under ids that follow from schedule and instant: started twice, it is one run.
import { derivedId } from "../../shared/derived-id.ts";
import { durationMs } from "../../shared/durations.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { newJob } from "../../shared/job-machine.ts";
import { isFinal, type Origin } from "../../shared/job.ts";
import type { RunId, Schedule } from "../../shared/schedule-state.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Admission } from "../admission.ts";
import { requireStorable, type Accept } from "../http/submit.ts";

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
  /** Stores a job unless there is, or just was, one of that id; resolves to the other job that stands for its unique key, if one does. */
  createJob(id: string, spec: JobSpec, by: string, origin: Origin): Promise<string | undefined>;
  isActive(id: RunId): Promise<boolean>;
  cancel(id: RunId, name: string): Promise<void>;
};

/** How long a finished run stays readable at least, so that a second start of it finds it. */
const KEPT_MS = 60_000;
/** A generator's result must still be there when the next leader looks for it. */
const GENERATOR_KEPT_MS = 3_600_000;

export function createRuns(deps: {
  broker: Pick<Broker, "clock" | "last" | "maxPayload" | "subjects">;
  store: Pick<JobStore, "read" | "requestCancel">;
  admission: Pick<Admission, "complete">;
  accept: Accept;
  startRun?: StartRun;
}): Runs {
  const { broker, store, admission, accept, startRun } = deps;
  const { clock } = broker;
  const { prefix, jobs } = broker.subjects;

  const createJob: Runs["createJob"] = async (id, asked, by, origin) => {
    // what was removed or has expired leaves a marker for a while
    if ((await broker.last(jobs.stream, jobs.record(id))) !== undefined) return undefined;
    const spec = keptAtLeast(admission.complete(asked), KEPT_MS);
    requireStorable(spec, broker.maxPayload);
    const actor = `schedule ${by}`;
    try {
      const record = newJob(id, spec, clock.now(), { actor, origin });
      const accepted = await accept(record, { name: actor });
      return accepted.existing ? accepted.record.id : undefined;
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
      return undefined;
    }
  };

  /** The run of an instant must be a job of its own. */
  async function createRun(id: string, spec: JobSpec, by: string, origin: Origin): Promise<void> {
    const other = await createJob(id, spec, by, origin);
    if (other === undefined) return;
    throw new MillraceError("key_busy", `Job ${other} stands for its unique key.`);
  }

  return {
    idOf: (name, { createdAt }, at) =>
      derivedId(prefix, "schedule", name, String(createdAt), String(at)),
    createJob,
    async start({ id, name, schedule: { spec }, at }) {
      const origin: Origin = { schedule: { name, at } };
      if (spec.spec !== undefined) return createRun(id, told(spec.spec, name, at), name, origin);
      if (spec.generator !== undefined)
        return createRun(id, keptAtLeast(spec.generator, GENERATOR_KEPT_MS), name, origin);
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
