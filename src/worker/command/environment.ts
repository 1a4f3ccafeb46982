// The environment of a job: what it may see of the worker's, what it asked for, and where it runs.
import type { Origin } from "../../shared/job.ts";
import type { JobSpec } from "../../shared/spec.ts";

type Variables = Record<string, string>;

const ALLOWED = new Set(["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"]);

/** The part of the worker's environment that jobs see. Everything else, secrets above all, stays out. */
export function allowedEnvironment(env: Readonly<Record<string, string | undefined>>): Variables {
  const allowed: Variables = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && (ALLOWED.has(name) || name.startsWith("LC_"))) allowed[name] = value;
  return allowed;
}

export type Place = { jobId: string; attempt: number; workerId: string; workDir: string };

/** Later ones win: the worker's, the job's, Millrace's. */
export function jobEnvironment(
  base: Variables,
  spec: Pick<JobSpec, "env">,
  place: Place,
  origin?: Origin,
): Variables {
  return {
    ...base,
    ...spec.env,
    MILLRACE_JOB_ID: place.jobId,
    MILLRACE_ATTEMPT: String(place.attempt),
    MILLRACE_WORKER_ID: place.workerId,
    MILLRACE_WORK_DIR: place.workDir,
    ...groupVariables(origin?.group),
  };
}

/** What a job of a group may know: the group, and in an array its place, how many there are, and what it stands for. */
function groupVariables(group: Origin["group"]): Variables {
  if (group === undefined) return {};
  const { id, member, index, count, values = {} } = group;
  const place =
    index === undefined || count === undefined
      ? {}
      : { MILLRACE_INDEX: String(index), MILLRACE_COUNT: String(count) };
  const matrix = Object.entries(values).map(([key, value]) => [
    `MILLRACE_MATRIX_${key.toUpperCase()}`,
    value,
  ]);
  return {
    MILLRACE_GROUP: id,
    MILLRACE_MEMBER: member,
    ...place,
    ...(Object.fromEntries(matrix) as Variables),
  };
}
