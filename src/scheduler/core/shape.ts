// What a job needs of a worker. Jobs with equal needs share one shape, so that one look answers for all of them.
import { matches, parseConstraint, type Constraint } from "../../shared/constraints.ts";
import type { JobRecord } from "../../shared/job.ts";
import type { Heartbeat } from "../../shared/messages.ts";
import {
  answersTo,
  handlerName,
  parseHandlerReference,
  type HandlerReference,
} from "../../shared/handler-reference.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../../shared/spec.ts";

const DEFAULT_WEIGHT = 1;

export type Affinity = { readonly constraint: Constraint; readonly weight: number };

export type Shape = {
  readonly key: string;
  readonly queue: string;
  /** Slots of the worker; none for a job that runs in those of a reservation. */
  readonly slots: number;
  /** The reservation that it runs in, and how much of that it takes. */
  readonly seat: { readonly of: string; readonly slots: number } | undefined;
  readonly protocol: number;
  readonly pin: string | undefined;
  /** Name of the handler, whatever versions of it are asked for. */
  readonly handler: string | undefined;
  readonly reference: HandlerReference | undefined;
  readonly require: readonly Constraint[];
  readonly prefer: readonly Affinity[];
  /** The narrowest single mark that every fitting worker bears; see `anchorsOf`. */
  readonly anchor: string;
};

/** The text that equal needs have in common. */
export function shapeKey({ v, spec }: JobRecord): string {
  const queue = spec.queue ?? SPEC_DEFAULTS.queue;
  const slots = spec.slots ?? SPEC_DEFAULTS.slots;
  const plain = `${v} ${queue} ${slots} ${spec.handler ?? ""}`;
  const { require, prefer, worker, reservation } = spec;
  const special = require || prefer || worker || reservation;
  return special ? `${plain} ${JSON.stringify([worker, require, prefer, reservation])}` : plain;
}

export function shapeOf(record: JobRecord, key: string): Shape {
  const { spec } = record;
  const reference = spec.handler === undefined ? undefined : parseHandlerReference(spec.handler);
  return {
    key,
    queue: spec.queue ?? SPEC_DEFAULTS.queue,
    ...roomOf(spec),
    protocol: record.v,
    pin: spec.worker,
    handler: reference?.name,
    reference,
    require: (spec.require ?? []).map(parseConstraint),
    prefer: (spec.prefer ?? []).map(affinity),
    anchor: anchorOf(spec),
  };
}

function roomOf({ reservation, slots = SPEC_DEFAULTS.slots }: JobSpec) {
  if (reservation === undefined) return { slots, seat: undefined };
  return { slots: 0, seat: { of: reservation, slots } };
}

function affinity(text: NonNullable<JobSpec["prefer"]>[number]): Affinity {
  if (typeof text === "string")
    return { constraint: parseConstraint(text), weight: DEFAULT_WEIGHT };
  return { constraint: parseConstraint(text.match), weight: text.weight };
}

function anchorOf(spec: JobSpec): string {
  if (spec.worker !== undefined) return `@${spec.worker}`;
  return spec.handler === undefined ? "*" : `#${handlerName(spec.handler)}`;
}

/** The marks of a worker: a shape need only be looked at for a worker that bears the shape's anchor. */
export function anchorsOf(worker: Heartbeat): string[] {
  return [
    ...new Set([
      "*",
      `@${worker.id}`,
      `@${worker.name}`,
      ...worker.handlers.map((handler) => `#${handlerName(handler)}`),
    ]),
  ];
}

export const isPinnedTo = (shape: Shape, worker: Heartbeat): boolean =>
  shape.pin === undefined || shape.pin === worker.id || shape.pin === worker.name;

export const announces = ({ reference }: Shape, worker: Heartbeat): boolean =>
  reference === undefined || worker.handlers.some((handler) => answersTo(reference, handler));

/** True when the worker could run such jobs if it had nothing else to do. */
export function fits(shape: Shape, worker: Heartbeat): boolean {
  return (
    worker.protocol >= shape.protocol &&
    worker.slots.total >= shape.slots &&
    isPinnedTo(shape, worker) &&
    announces(shape, worker) &&
    shape.require.every((constraint) => matches(constraint, worker.labels))
  );
}

/** How much such jobs like the worker: the sum of the weights of the affinities that it meets. */
export function liking(shape: Shape, worker: Heartbeat): number {
  return shape.prefer.reduce(
    (sum, { constraint, weight }) => sum + (matches(constraint, worker.labels) ? weight : 0),
    0,
  );
}
