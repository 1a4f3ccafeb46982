// Webhooks: who wants to be told of which changes of jobs, and how what is told is signed.
import { createHmac } from "node:crypto";

import { z } from "zod";

import { labelKey, name, text } from "./fields.ts";
import { JOB_STATES } from "./job.ts";
import { decodeStored } from "./stored.ts";

const MAX_NAMES = 64;

/** True for an address that events may be sent to; where it leads is checked with each delivery. */
function isTarget(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, hash } = new URL(value);
  const isHttp = protocol === "https:" || protocol === "http:";
  return isHttp && username === "" && password === "" && hash === "";
}

export const webhookSchema = z.strictObject({
  url: text(2_048)
    .refine(isTarget, "must be an http or https address without a name, password or fragment")
    .describe("Gets each event as a POST."),
  secret: text(256)
    .min(16)
    .optional()
    .describe("Signs the events; default: as before, else one that is made up and shown once."),
  enabled: z.boolean().default(true),
  states: z
    .array(z.enum(JOB_STATES))
    .min(1)
    .optional()
    .describe("Only changes to one of these; default all."),
  queues: z.array(name).min(1).max(MAX_NAMES).optional(),
  definitions: z.array(name).min(1).max(MAX_NAMES).optional(),
  labels: z
    .record(labelKey, text(256))
    .optional()
    .describe("Only jobs that bear all of these labels."),
  tries: z.int().min(1).max(20).default(8).describe("Deliveries that are tried before giving up."),
});

export type WebhookSettings = z.infer<typeof webhookSchema>;

/** As it is kept; times are epoch ms. */
export type Webhook = WebhookSettings & { v: 1; secret: string; createdAt: number };

const webhook = webhookSchema.extend({
  v: z.literal(1),
  secret: z.string(),
  createdAt: z.number(),
}) as z.ZodType<Webhook>;

/** How far a webhook's events have been dealt with: all of the job stream up to this sequence. */
export type WebhookState = { v: 1; after: number };

const state: z.ZodType<WebhookState> = z.object({ v: z.literal(1), after: z.int().min(0) });

export const decodeWebhook = (content: string): Webhook | undefined =>
  decodeStored(content, webhook);
export const decodeWebhookState = (content: string): WebhookState | undefined =>
  decodeStored(content, state);

/** The value of `Millrace-Signature`: HMAC-SHA256, in hex, over `<atS>.<body>`. */
export function signatureOf(secret: string, atS: number, body: string): string {
  const digest = createHmac("sha256", secret).update(`${atS}.${body}`).digest("hex");
  return `t=${atS},v1=${digest}`;
}
