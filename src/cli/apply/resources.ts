// What a file can configure: each kind with its place on the server and the schema that says what it means.
import { z } from "zod";

import { calendarSchema } from "../../shared/calendar.ts";
import { definitionSchema } from "../../shared/definition.ts";
import { MillraceError } from "../../shared/errors.ts";
import { name } from "../../shared/fields.ts";
import { queueSettingsSchema } from "../../shared/queue-settings.ts";
import { scheduleSpecSchema } from "../../shared/schedule.ts";
import { specError } from "../../shared/spec.ts";
import { KINDS, type Kind } from "./kinds.ts";

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

const documentSchema = z.strictObject({
  kind: z.enum(KINDS),
  name,
  revision: z.int().optional(),
  spec: z.unknown().default({}),
});

/** The document in an unknown value, in the server's own words; throws `invalid_spec`. */
export function parseDocument(value: unknown, place: string): Document {
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) throw at(place, specError(parsed.error));
  const { kind, name: called, revision, spec } = parsed.data;
  const checked = RESOURCES[kind].schema.safeParse(spec);
  if (!checked.success) throw at(`${place}: ${kind} ${called}`, specError(checked.error));
  return {
    kind,
    name: called,
    ...(revision === undefined ? {} : { revision }),
    spec: checked.data,
  };
}

const at = (place: string, { code, message, field }: MillraceError): MillraceError =>
  new MillraceError(code, `${place}: ${message}`, field === undefined ? {} : { field });
