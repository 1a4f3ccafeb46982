// What a run of a definition is: a job, or a group when there is more to it than one job.
import type { Definition } from "./definition.ts";
import { fill, type Parameters } from "./definition-template.ts";
import type { GroupSpec } from "./group.ts";
import type { JobSpec } from "./spec.ts";

export type RunPlan = { kind: "job"; spec: JobSpec } | { kind: "group"; spec: GroupSpec };

export type RunWish = {
  parameters: Parameters;
  labels?: Readonly<Record<string, string>> | undefined;
  /** Every job is replaced by a stub that says what it would run. */
  test?: boolean | undefined;
};

/** The only member of a run that has no steps and is a group nevertheless. */
const ONLY_STEP = "run";

export function planRun(name: string, definition: Definition, wish: RunWish): RunPlan {
  const { spec, steps, exclusive, monitor, outcome, retention } = definition;
  const labels = { ...definition.labels, ...wish.labels };
  const ready = (template: JobSpec, step: string): JobSpec => {
    const filled = fill(template, wish.parameters);
    return wish.test ? stub(filled, step) : filled;
  };
  if (spec !== undefined && exclusive === undefined && monitor === undefined)
    return { kind: "job", spec: alone(ready(spec, name), labels, retention) };
  const all = steps ?? (spec === undefined ? [] : [{ name: ONLY_STEP, spec }]);
  const members = all.map((step) => ({ ...step, spec: ready(step.spec, step.name) }));
  return {
    kind: "group",
    spec: { name, members, ...withLabels(labels), ...given({ monitor, outcome, retention }) },
  };
}

/** What the definition says for its only job, where that does not say itself. */
function alone(
  spec: JobSpec,
  labels: Readonly<Record<string, string>>,
  retention: JobSpec["retention"],
): JobSpec {
  return { ...given({ retention }), ...spec, ...withLabels({ ...labels, ...spec.labels }) };
}

const withLabels = (labels: Readonly<Record<string, string>>) =>
  Object.keys(labels).length === 0 ? {} : { labels };

/** Without what is undefined. */
const given = <T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

/** Runs where the job would run, does nothing, and says what it would have been. */
function stub(spec: JobSpec, step: string): JobSpec {
  const { queue, require, prefer, worker, slots, priority, labels } = spec;
  const what =
    spec.handler === undefined
      ? (spec.command ?? ["<script>", ...(spec.args ?? [])]).join(" ")
      : `handler ${spec.handler}`;
  const placement = { queue, require, prefer, worker, slots, priority, labels };
  return {
    ...given(placement),
    command: ["printf", "%s\n", `test: ${step} would run: ${what}`.slice(0, 4_096)],
    timeout: "1m",
  };
}
