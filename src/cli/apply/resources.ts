// What a file can configure: each kind with its place on the server and the schema that says what it means.
import type { z } from "zod";

import { calendarSchema } from "../../shared/calendar.ts";
import { definitionSchema } from "../../shared/definition.ts";
import { MillraceError } from "../../shared/errors.ts";
import { isName } from "../../shared/names.ts";
import { queueSettingsSchema } from "../../shared/queue-settings.ts";
import { scheduleSpecSchema } from "../../shared/schedule.ts";
import { specError } from "../../shared/spec.ts";

/** In the order in which they build on each other. */
export const KINDS = ["Calendar", "Queue", "Definition", "Schedule"] as const;
export type Kind = (typeof KINDS)[number];

type Resource = {
  /** Path below /v1, and the member that lists them. */
  readonly path: string;
  readonly schema: z.ZodType;
  /** What was asked for, in what the server shows. */
  specIn(view: Readonly<Record<string, unknown>>): unknown;
  /** Queues are made and forgotten with their jobs: they have no revision and cannot be removed. */
  readonly isRevised: boolean;
};

const QUEUE_SETTINGS = Object.keys(queueSettingsSchema.shape);

export const RESOURCES: Readonly<Record<Kind, Resource>> = {
  Calendar: {
    path: "calendars",
    schema: calendarSchema,
    specIn: ({ calendar }) => calendar,
    isRevised: true,
  },
  Queue: {
    path: "queues",
    schema: queueSettingsSchema,
    specIn: (view) =>
      Object.fromEntries(Object.entries(view).filter(([key]) => QUEUE_SETTINGS.includes(key))),
    isRevised: false,
  },
  Definition: {
    path: "definitions",
    schema: definitionSchema,
    specIn: ({ definition }) => definition,
    isRevised: true,
  },
  Schedule: {
    path: "schedules",
    schema: scheduleSpecSchema,
    specIn: ({ schedule }) => schedule,
    isRevised: true,
  },
};

/** One document of a file. */
export type Document = {
  kind: Kind;
  name: string;
  /** What the document was exported at: anything else on the server is somebody's change. */
  revision?: number;
  spec: unknown;
};

const FIELDS = new Set(["kind", "name", "revision", "spec"]);

/** The document in an unknown value, in the server's own words; throws `invalid_spec`. */
export function parseDocument(value: unknown, place: string): Document {
  const complain = (message: string, field?: string) =>
    new MillraceError("invalid_spec", `${place}: ${message}`, field === undefined ? {} : { field });
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw complain("a document has kind, name and spec");
  const { kind, name, revision, spec } = value as Record<string, unknown>;
  const odd = Object.keys(value).find((key) => !FIELDS.has(key));
  if (odd !== undefined) throw complain(`${odd} is unknown`, odd);
  if (!KINDS.includes(kind as Kind)) throw complain(`kind is one of ${KINDS.join(", ")}`, "kind");
  if (typeof name !== "string" || !isName(name))
    throw complain("name must be 1-64 letters, digits, - or _", "name");
  if (revision !== undefined && !Number.isSafeInteger(revision))
    throw complain("revision is a number", "revision");
  const parsed = RESOURCES[kind as Kind].schema.safeParse(spec ?? {});
  if (!parsed.success) {
    const error = specError(parsed.error);
    throw new MillraceError("invalid_spec", `${place}: ${kind as Kind} ${name}: ${error.message}`, {
      cause: error,
      field: `spec.${error.field ?? ""}`,
    });
  }
  return {
    kind: kind as Kind,
    name,
    ...(revision === undefined ? {} : { revision: revision as number }),
    spec: parsed.data,
  };
}
