// Starts what schedules run, under ids that follow from schedule and instant: started twice, it is one run.
import { derivedId } from "../../shared/derived-id.ts";
import { durationMs } from "../../shared/durations.ts";
import { hasCode } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isOverGroup } from "../../shared/group.ts";
import { newJob } from "../../shared/job-machine.ts";
import { isFinal, type Origin } from "../../shared/job.ts";
import type { RunId, Schedule } from "../../shared/schedule-state.ts";
import { besideName, ownerOf, plainName } from "../../shared/scoped-name.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Admission } from "../admission.ts";
import type { StartRun } from "../definitions/start-run.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import { requireStorable, type Accept } from "../submission/submit.ts";

/** The name is scoped: the run belongs to the schedule's namespace. */
export type RunRequest = { id: RunId; name: string; schedule: Schedule; at: number };

export type Runs = {
  /** The run that an instant of a schedule stands for. */
  idOf(name: string, schedule: Schedule, at: number): RunId;
  /**
   * Starts the run unless it was started before; resolves to the other job that stands for its unique key, if one does.
   * Throws when what it asks for cannot be had, and one of `NO_ROOM` when it cannot be had now.
   */
  start(request: RunRequest): Promise<string | undefined>;
  /** Stores a job unless there is, or just was, one of that id; resolves to the other job that stands for its unique key, if one does. */
  createJob(
    id: string,
    spec: JobSpec,
    schedule: string,
    origin: Origin,
  ): Promise<string | undefined>;
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
  admission: Pick<Admission, "complete" | "resolve">;
  accept: Accept;
  startRun: StartRun;
  groups: Pick<GroupDesk, "read" | "cancel">;
}): Runs {
  const { broker, store, admission, accept, startRun, groups } = deps;
  const { clock } = broker;
  const { subjects } = broker;

  /** What was removed or has expired leaves a marker for a while. */
  const isStored = async (
    of: Broker["subjects"]["jobs" | "groups"],
    id: string,
  ): Promise<boolean> => (await broker.last(of.stream, of.record(id))) !== undefined;

  const createJob: Runs["createJob"] = async (id, asked, schedule, origin) => {
    if (await isStored(subjects.jobs, id)) return undefined;
    const resolved = await admission.resolve(asked, origin.namespace);
    const spec = keptAtLeast(admission.complete(resolved), KEPT_MS);
    requireStorable(spec, broker.maxPayload);
    const actor = actorOf(schedule);
    try {
      const record = newJob(id, spec, clock.now(), { actor, origin });
      const { namespace } = origin;
      const by = { name: actor, ...(namespace === undefined ? {} : { namespace }) };
      const accepted = await accept(record, by);
      return accepted.existing ? accepted.record.id : undefined;
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
      return undefined;
    }
  };

  return {
    idOf: (name, { createdAt }, at) =>
      derivedId(subjects.prefix, "schedule", name, String(createdAt), String(at)),
    createJob,
    async start({ id, name, schedule: { spec }, at }) {
      const by = plainName(name);
      const origin: Origin = { ...ownerOf(name), schedule: { name: by, at } };
      if (spec.spec !== undefined) return createJob(id, told(spec.spec, by, at), by, origin);
      if (spec.generator !== undefined)
        return createJob(id, keptAtLeast(spec.generator, GENERATOR_KEPT_MS), by, origin);
      if ((await isStored(subjects.jobs, id)) || (await isStored(subjects.groups, id)))
        return undefined;
      const started = await startRun(besideName(name, spec.definition ?? ""), {
        id,
        parameters: spec.params ?? {},
        actor: actorOf(by),
        origin,
      });
      return started.existing ? started.id : undefined;
    },
    async isActive(id) {
      const job = await store.read(id);
      if (job !== undefined) return !isFinal(job.record.state);
      try {
        return !isOverGroup((await groups.read(id)).record.state);
      } catch (error) {
        if (!hasCode(error, "group_not_found")) throw error;
        return false;
      }
    },
    async cancel(id, name) {
      const reason = "A newer instant of its schedule replaces it.";
      const actor = actorOf(plainName(name));
      if ((await store.read(id)) !== undefined)
        return store.requestCancel(id, { v: 1, at: clock.now(), actor, reason });
      try {
        await groups.cancel(id, actor, reason);
      } catch (error) {
        if (!hasCode(error, "group_not_found", "job_finished")) throw error;
      }
    },
  };
}

const actorOf = (schedule: string): string => `schedule ${schedule}`;

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
