// Starts runs of definitions: the parameters are checked, the template filled, and one job or one group stored.
import { MillraceError } from "../../shared/errors.ts";
import type { StoredDefinition } from "../../shared/definition.ts";
import { planRun } from "../../shared/definition-plan.ts";
import type { Parameters } from "../../shared/definition-template.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { newJob } from "../../shared/job-machine.ts";
import type { Origin } from "../../shared/job.ts";
import { ownerOf, plainName } from "../../shared/scoped-name.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Admission } from "../admission.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import { refusalIn, requireSameBody } from "../submission/idempotency.ts";
import type { Accept } from "../submission/submit.ts";
import { checkParameters } from "./parameters.ts";
import type { RunIndex } from "./run-index.ts";

export type RunRequest = {
  /** Id of the run; started again under the same one, it is one run. */
  id: string;
  /** Of what was asked for, when the id follows from an idempotency key. */
  fingerprint?: string;
  parameters?: Parameters;
  labels?: Readonly<Record<string, string>> | undefined;
  test?: boolean | undefined;
  actor: string;
  origin?: Pick<Origin, "schedule">;
};

export type StartedRun = {
  id: string;
  kind: "job" | "group";
  version: number;
  /** It is another job, which stands for the unique key. */
  existing?: true;
  /** It was started before, under the same id. */
  replayed?: true;
};

/**
 * The name is scoped: the run belongs to the definition's namespace. What was started before under the id is the answer,
 * whatever became of the definition since; throws `idempotency_conflict` if it has another fingerprint.
 * Else throws `definition_not_found`, `definition_disabled`, `run_active`, `invalid_spec` for parameters that do not fit,
 * and for a run that is one job what its queue says: `queue_full`, `key_busy`, `quota_exceeded`.
 */
export type StartRun = (name: string, request: RunRequest) => Promise<StartedRun>;

export function createStartRun(deps: {
  /** The newest definition of a name. */
  read(name: string): Promise<Revised<StoredDefinition> | undefined>;
  runs: Pick<RunIndex, "active">;
  store: Pick<JobStore, "read">;
  accept: Accept;
  groups: Pick<GroupDesk, "submit" | "submittedBefore">;
  clock: Clock;
  admission: Pick<Admission, "complete" | "resolve">;
  /** Throws when the broker could not hold the job. */
  requireStorable(spec: JobSpec): void;
}): StartRun {
  const { read, runs, store, accept, groups, clock, admission, requireStorable } = deps;

  async function runnable(name: string): Promise<StoredDefinition> {
    const found = await read(name);
    if (found === undefined) throw noDefinition(name);
    const { definition } = found.value;
    if (!definition.enabled)
      throw new MillraceError(
        "definition_disabled",
        `${plainName(name)} is disabled; enable it first.`,
      );
    const active = definition.exclusive === "reject" ? runs.active(name) : undefined;
    if (active !== undefined)
      throw new MillraceError(
        "run_active",
        `Run ${active.id} of ${plainName(name)} is ${active.state}, and only one is allowed at a time.`,
      );
    return found.value;
  }

  async function startedBefore({ id, fingerprint }: RunRequest): Promise<StartedRun | undefined> {
    const job = await store.read(id);
    if (job !== undefined) requireSameBody("job", job.record, fingerprint);
    const first = job ?? (await groups.submittedBefore(id, fingerprint));
    const version = first?.record.origin?.definition?.version;
    if (version === undefined) return undefined;
    return { id, kind: job === undefined ? "group" : "job", version, replayed: true };
  }

  async function startNew(name: string, request: RunRequest): Promise<StartedRun> {
    const { id, fingerprint, parameters = {}, labels, test, actor, origin } = request;
    const { definition, version } = await runnable(name);
    const params = checkParameters(definition.parameters, parameters);
    const plan = planRun(plainName(name), definition, { parameters: params, labels, test });
    const submission = {
      actor,
      ...(fingerprint === undefined ? {} : { fingerprint }),
      origin: {
        ...origin,
        ...ownerOf(name),
        definition: { name: plainName(name), version, ...(test ? { test: true as const } : {}) },
      },
    };
    if (plan.kind === "group") {
      const { exclusive: policy } = definition;
      for (const { spec } of plan.spec.members) requireStorable(spec);
      const { replayed } = await groups.submit(id, plan.spec, {
        ...submission,
        params,
        ...(policy === undefined ? {} : { exclusive: { key: name, policy } }),
      });
      return { id, kind: "group", version, ...(replayed ? { replayed } : {}) };
    }
    const { namespace } = ownerOf(name);
    const spec = admission.complete(await admission.resolve(plan.spec, namespace));
    requireStorable(spec);
    const by = { name: actor, ...(namespace === undefined ? {} : { namespace }) };
    const { record, existing } = await accept(newJob(id, spec, clock.now(), submission), by);
    return { id: record.id, kind: "job", version, ...(existing ? { existing } : {}) };
  }

  return async (name, request) => {
    // under a key the definition may have come to mean a group instead of a job, which would be a second run
    const before = request.fingerprint === undefined ? undefined : await startedBefore(request);
    if (before !== undefined) return before;
    try {
      return await startNew(name, request);
    } catch (error) {
      const refusal = refusalIn(error);
      const meanwhile = await startedBefore(request);
      if (meanwhile === undefined) throw refusal;
      return meanwhile;
    }
  };
}

export const noDefinition = (name: string): MillraceError =>
  new MillraceError("definition_not_found", `There is no definition ${plainName(name)}.`);
