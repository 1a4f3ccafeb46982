// What scheduler and worker say to each other, and the decoders that drop what does not fit.
import { z } from "zod";

import type { Labels } from "./constraints.ts";
import type { JobRecord } from "./job.ts";
import { isJobRecord } from "./record-shape.ts";
import { queueSettingsSchema, type QueueSettings } from "./queue-settings.ts";

/** Rises when a message changes its meaning; a worker is given only jobs that its version understands. */
export const PROTOCOL = 1;

/** How presence works: a beat each `beatMs`; the key cleans itself up after `ttlMs`; `lostAfterMs` of silence, as the leader's own clock sees it, is death. */
export const PRESENCE = { beatMs: 3_000, ttlMs: 10_000, lostAfterMs: 10_000 } as const;

/** The leader's durable word that one worker shall run one attempt of a job. */
export type Assignment = {
  attempt: number;
  /** Stream sequence of the record that the attempt was decided on: what the worker's next write must expect. */
  seq: number;
  record: JobRecord;
};

export type AssignmentBatch = { v: 1; epoch: number; items: Assignment[] };

/** An attempt that a worker holds: from taking the assignment until its end is in the record. */
export type HeldAttempt = {
  job: string;
  attempt: number;
  startedAt: number;
  /** What the handler said last about how far it is: 0 to 1, and in words. */
  progress?: Progress;
};

export type Progress = { value: number; note?: string };

export type Heartbeat = {
  v: 1;
  protocol: number;
  id: string;
  name: string;
  version: string;
  pid: number;
  startedAt: number;
  /** Own labels over the automatic ones: os, arch, hostname, cpus, memory (MiB), gpu, version. */
  labels: Labels;
  slots: { total: number; free: number };
  held: HeldAttempt[];
  handlers: string[];
  /** Stream sequence of the newest assignment message that was taken in. */
  lastAssign: number;
  /** One-, five- and fifteen-minute load averages. */
  load: [number, number, number];
  memory: { totalMb: number; freeMb: number };
  uptimeS: number;
  cordoned: boolean;
  draining: boolean;
  /** Ids of earlier workers on this host that are known to have ended, so that nobody waits for their silence. */
  replaces?: string[] | undefined;
};

/** Requests on a worker's control subject. Stopping is asked again until the record says that the attempt is over. */
export type ControlRequest =
  | { type: "stop"; job: string; attempt: number; why: "cancelled" | "superseded" }
  | { type: "cordon"; cordoned: boolean }
  | { type: "drain"; timeoutMs: number }
  /** An assignment may not have arrived: the worker is to read its own. */
  | { type: "catch_up" }
  | { type: "ping" };

export type ControlReply = { ok: true; held: number } | { ok: false; reason: string };

/** Somebody wants the job to end; stands beside the record until the job is final. */
export type CancelIntent = { v: 1; at: number; actor: string; reason: string };

/** Somebody emptied a queue: jobs whose newest record stands up to this sequence are to be ended, unless a worker has them. */
export type PurgeMark = { v: 1; upTo: number; at: number; actor: string };

export type LeaderLease = { v: 1; scheduler: string; epoch: number; since: number; url?: string };

const control: z.ZodType<ControlRequest> = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("stop"),
    job: z.string(),
    attempt: z.int(),
    why: z.enum(["cancelled", "superseded"]),
  }),
  z.object({ type: z.literal("cordon"), cordoned: z.boolean() }),
  z.object({ type: z.literal("drain"), timeoutMs: z.number().min(0) }),
  z.object({ type: z.literal("catch_up") }),
  z.object({ type: z.literal("ping") }),
]);

const heartbeat: z.ZodType<Heartbeat> = z.object({
  v: z.literal(1),
  protocol: z.int(),
  id: z.string(),
  name: z.string(),
  version: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  labels: z.record(z.string(), z.string()),
  slots: z.object({ total: z.int().min(0), free: z.int() }),
  held: z.array(
    z.object({
      job: z.string(),
      attempt: z.int(),
      startedAt: z.number(),
      progress: z.exactOptional(z.object({ value: z.number(), note: z.exactOptional(z.string()) })),
    }),
  ),
  handlers: z.array(z.string()),
  lastAssign: z.int(),
  load: z.tuple([z.number(), z.number(), z.number()]),
  memory: z.object({ totalMb: z.number(), freeMb: z.number() }),
  uptimeS: z.number(),
  cordoned: z.boolean(),
  draining: z.boolean(),
  replaces: z.array(z.string()).optional(),
});

const cancelIntent: z.ZodType<CancelIntent> = z.object({
  v: z.literal(1),
  at: z.number(),
  actor: z.string(),
  reason: z.string(),
});

const purgeMark: z.ZodType<PurgeMark> = z.object({
  v: z.literal(1),
  upTo: z.int(),
  at: z.number(),
  actor: z.string(),
});

const lease: z.ZodType<LeaderLease> = z.object({
  v: z.literal(1),
  scheduler: z.string(),
  epoch: z.int(),
  since: z.number(),
  url: z.exactOptional(z.string()),
});

export const decodeControl = (text: string): ControlRequest | undefined => decode(text, control);
export const decodeHeartbeat = (text: string): Heartbeat | undefined => decode(text, heartbeat);
export const decodeCancel = (text: string): CancelIntent | undefined => decode(text, cancelIntent);
export const decodeQueueSettings = (text: string): QueueSettings | undefined =>
  decode(text, queueSettingsSchema);
export const decodePurgeMark = (text: string): PurgeMark | undefined => decode(text, purgeMark);
export const decodeLease = (text: string): LeaderLease | undefined => decode(text, lease);

function decode<T>(text: string, schema: z.ZodType<T>): T | undefined {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

/** Undefined for what is no job's record. */
export function decodeRecord(text: string): JobRecord | undefined {
  const value = parseJson(text);
  return isJobRecord(value) ? value : undefined;
}

export function decodeAssignments(text: string): AssignmentBatch | undefined {
  const value = parseJson(text) as Partial<AssignmentBatch> | undefined;
  if (value?.v !== 1 || !Number.isSafeInteger(value.epoch) || !Array.isArray(value.items))
    return undefined;
  const sound = value.items.every(
    (item) =>
      Number.isSafeInteger(item?.attempt) &&
      Number.isSafeInteger(item.seq) &&
      isJobRecord(item.record),
  );
  return sound ? (value as AssignmentBatch) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
