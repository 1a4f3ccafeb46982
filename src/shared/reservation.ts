// Reservations: slots of one worker that their owner has for a while, whatever runs in them.
//
// A reservation is a job that runs nothing: it is placed, survives and ends as any other, and holds its slots meanwhile.
// Beside it stands until when it is good, which its owner can put off.
import { z } from "zod";

import { affinity, constraint, duration, name } from "./fields.ts";
import { isName, isWorkerId } from "./names.ts";
import { decodeStored } from "./stored.ts";

export const reservationSchema = z.strictObject({
  require: z.array(constraint).max(32).optional().describe("Tests that the worker must pass."),
  prefer: z.array(affinity).max(32).optional().describe("Tests that raise its rank."),
  worker: z
    .string()
    .refine((value) => isName(value) || isWorkerId(value), "must be a worker's name or id")
    .optional()
    .describe("This worker (its name or id) only."),
  queue: name.optional().describe('Whose limits count; default "default".'),
  priority: z.int().min(0).max(9).optional().describe("9 goes first; default 5."),
  slots: z.int().min(1).max(1_024).default(1).describe("Slots on one worker."),
  ttl: duration({ minMs: 1_000, maxMs: 86_400_000 })
    .default("1m")
    .describe("It ends this long after it was granted or renewed."),
  waitBusy: duration({ maxMs: 3_600_000 })
    .default("0s")
    .describe("How long to wait while workers match and all are busy."),
  waitNoMatch: duration({ maxMs: 3_600_000 })
    .default("0s")
    .describe("How long to wait while no worker could ever match."),
});

export type ReservationRequest = z.infer<typeof reservationSchema>;

/** What is wrong with a spec from which jobs are made while nobody is there whose reservation it could be. */
export const reservationFlaws = ({
  reservation,
}: {
  reservation?: string | undefined;
}): { path: string[]; message: string }[] =>
  reservation === undefined
    ? []
    : [{ path: ["reservation"], message: "only who holds it may name it, in a job or a group" }];

/** What stands beside the job; its name is the job's id. */
export type Tenure = {
  v: 1;
  owner: string;
  namespace?: string;
  slots: number;
  ttlMs: number;
  /** Epoch ms. */
  expiresAt: number;
};

const tenure: z.ZodType<Tenure> = z.object({
  v: z.literal(1),
  owner: z.string(),
  namespace: z.exactOptional(z.string()),
  slots: z.int(),
  ttlMs: z.number(),
  expiresAt: z.number(),
});

export const decodeTenure = (text: string): Tenure | undefined => decodeStored(text, tenure);
