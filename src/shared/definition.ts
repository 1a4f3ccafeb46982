// Definitions: named, versioned templates of jobs or of groups of steps, which are run with parameters.
import { z } from "zod";

import { templateFlaws } from "./definition-template.ts";
import { name, text } from "./fields.ts";
import { fanOutFields, flawsOf, groupFields, type Flaw } from "./group.ts";
import { reservationFlaws } from "./reservation.ts";
import { jobSpecSchema, specError, type JobSpec } from "./spec.ts";

const MAX_STEPS = 256;

const stepSchema = z.strictObject({ name, spec: jobSpecSchema, ...fanOutFields });

/** What several runs at the same time mean. */
export const EXCLUSIVE_POLICIES = ["queue", "reject", "replace"] as const;

const shape = z.strictObject({
  description: text(4_096).optional(),
  enabled: z.boolean().default(true).describe("A disabled definition cannot be run."),
  parameters: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "JSON Schema (2020-12) of the parameters, an object; its defaults are filled in. ${name} in command, args, env, stdin and input stands for a value; programs also find it in MILLRACE_PARAM_<NAME>.",
    ),
  spec: jobSpecSchema.optional().describe("The job, when there is one step."),
  steps: z
    .array(stepSchema)
    .min(1)
    .max(MAX_STEPS)
    .optional()
    .describe("Or several, each a job or an array of them, that wait for each other."),
  exclusive: z
    .enum(EXCLUSIVE_POLICIES)
    .optional()
    .describe("One run at a time: others wait, are refused, or end the one that runs."),
  ...groupFields,
});

export const definitionSchema = shape.superRefine((definition, context) => {
  for (const { path, message } of flawsIn(definition))
    context.addIssue({ code: "custom", path, message });
});

/** A definition as asked for. */
export type Definition = z.infer<typeof definitionSchema>;
export type Step = z.infer<typeof stepSchema>;

/** A definition as it is stored. */
export type StoredDefinition = {
  v: 1;
  /** Counts the changes, from 1. */
  version: number;
  /** Epoch ms. */
  updatedAt: number;
  updatedBy?: string;
  definition: Definition;
};

/** The definition in an unknown value; throws `invalid_spec` with the first offending field. */
export function parseDefinition(value: unknown): Definition {
  const parsed = definitionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw specError(parsed.error);
}

/** The definition in a text; undefined when it is none. */
export function decodeDefinition(payload: string): StoredDefinition | undefined {
  try {
    const value = JSON.parse(payload) as Partial<StoredDefinition> | null;
    const sound = value?.v === 1 && Number.isSafeInteger(value.version) && value.definition;
    return sound ? (value as StoredDefinition) : undefined;
  } catch {
    return undefined;
  }
}

/** Names of the parameters, in the schema's order. */
export function parameterNames({ parameters }: Pick<Definition, "parameters">): string[] {
  const properties = parameters?.["properties"];
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

function flawsIn(definition: z.infer<typeof shape>): Flaw[] {
  const { spec, steps } = definition;
  if ((spec === undefined) === (steps === undefined))
    return [{ path: [spec ? "steps" : "spec"], message: "give exactly one of spec and steps" }];
  const names = parameterNames(definition);
  return [
    ...nameFlaws(names),
    ...(spec === undefined ? [] : specFlaws(spec, names).map(under("spec"))),
    ...(steps === undefined ? [] : flawsOf(steps).map(under("steps"))),
    ...(steps ?? []).flatMap((step, place) =>
      specFlaws(step.spec, names).map(under("steps", place, "spec")),
    ),
  ];
}

const specFlaws = (spec: JobSpec, names: readonly string[]): Flaw[] => [
  ...templateFlaws(spec, names),
  ...reservationFlaws(spec),
];

function nameFlaws(names: readonly string[]): Flaw[] {
  const odd = names.find((one) => !PARAMETER_NAME.test(one));
  if (odd !== undefined)
    return [
      {
        path: ["parameters", "properties", odd],
        message: "must be letters, digits and _, not starting with a digit",
      },
    ];
  const upper = names.map((one) => one.toUpperCase());
  const twice = names.find((_one, place) => upper.indexOf(upper[place] as string) < place);
  return twice === undefined
    ? []
    : [
        {
          path: ["parameters", "properties", twice],
          message: "differs from another one in upper and lower case only",
        },
      ];
}

const under =
  (...above: PropertyKey[]) =>
  ({ path, message }: Flaw): Flaw => ({ path: [...above, ...path], message });
