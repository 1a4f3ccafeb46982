// Templates: a job spec in which ${name} stands for a parameter. Values take the place of text, they never become program text.
import type { Flaw } from "./group.ts";
import type { JobSpec } from "./spec.ts";

export type Parameters = Readonly<Record<string, unknown>>;

/** `$${` is the text `${` itself. */
const PLACES = /\$\$\{|\$\{([^{}]*)\}/g;
const WHOLE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
const PREFIX = "MILLRACE_PARAM_";

type Visit = (value: string, path: PropertyKey[]) => unknown;

/** Places that name no parameter. */
export function templateFlaws(spec: JobSpec, names: readonly string[]): Flaw[] {
  const flaws: Flaw[] = [];
  visit(spec, (value, path) => {
    for (const [place, name] of value.matchAll(PLACES))
      if (name !== undefined && !names.includes(name))
        flaws.push({
          path,
          message: `${place} is no parameter; for the text itself write $${place}`,
        });
    return value;
  });
  return flaws;
}

/**
 * The spec for these parameters. A place that is a whole value of `input` keeps its type; within text, values that are no
 * strings are written as JSON, and what was left out is empty. Scripts and shell lines stay as they are: a value in
 * them would be program text; they find it in their environment.
 */
export function fill(spec: JobSpec, parameters: Parameters): JobSpec {
  const filled = visit(spec, (value, path) => {
    const [, whole] = (path[0] === "input" && WHOLE.exec(value)) || [];
    if (whole !== undefined) return parameters[whole] ?? null;
    return value.replaceAll(PLACES, (_place, name: string | undefined) =>
      name === undefined ? "${" : textOf(parameters[name]),
    );
  });
  if (spec.handler !== undefined) return filled;
  const env = { ...variablesOf(parameters), ...filled.env };
  return Object.keys(env).length === 0 ? filled : { ...filled, env };
}

function variablesOf(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      `${PREFIX}${name.toUpperCase()}`,
      textOf(value),
    ]),
  );
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The spec with each text that may hold places replaced by what `act` makes of it. */
function visit(spec: JobSpec, act: Visit): JobSpec {
  const { command, shell, args, env, stdin, input } = spec;
  const changed = {
    ...(command === undefined || shell ? {} : { command: deep(command, ["command"], act) }),
    ...(args === undefined ? {} : { args: deep(args, ["args"], act) }),
    ...(env === undefined ? {} : { env: deep(env, ["env"], act) }),
    ...(stdin === undefined ? {} : { stdin: act(stdin, ["stdin"]) }),
    ...(input === undefined ? {} : { input: deep(input, ["input"], act) }),
  };
  return { ...spec, ...(changed as Partial<JobSpec>) };
}

function deep(value: unknown, path: PropertyKey[], act: Visit): unknown {
  if (typeof value === "string") return act(value, path);
  if (Array.isArray(value)) return value.map((one, place) => deep(one, [...path, place], act));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, deep(one, [...path, key], act)]),
  );
}
