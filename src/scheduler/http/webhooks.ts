// Webhooks: who is told of changes, and what could not be told.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import type { Revised } from "../../shared/io/config-store.ts";
import { JOB_STATES } from "../../shared/job.ts";
import { isName } from "../../shared/names.ts";
import { plainName } from "../../shared/scoped-name.ts";
import { specError } from "../../shared/spec.ts";
import { webhookSchema, type Webhook } from "../../shared/webhook.ts";
import type { WebhookEvent } from "../webhooks/event.ts";
import type { DeadLetter } from "../webhooks/dead-letters.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson, readOptionalJson } from "./body.ts";
import { conditionParameters, expectedBy, tagOf } from "./conditions.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";
import { isOwn, ownName } from "./own.ts";

const params = z.object({
  name: z
    .string()
    .refine(
      isName,
      "A webhook's name has 1-64 letters, digits, - or _, starting and ending with a letter or digit.",
    )
    .openapi({ example: "deployments" }),
});

const webhookView = z
  .object({
    name: z.string(),
    url: z.string(),
    enabled: z.boolean(),
    states: z.array(z.enum(JOB_STATES)).optional(),
    queues: z.array(z.string()).optional(),
    definitions: z.array(z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    tries: z.int(),
    createdAt: instant,
    secret: z.string().optional().describe("Shown once, to whom it was made up for."),
  })
  .openapi("Webhook");

const eventSchema = z.custom<WebhookEvent>().openapi("WebhookEvent", {
  type: "object",
  description: "What receivers get.",
  required: ["id", "at", "job", "queue", "labels", "what", "state"],
  properties: {
    id: { type: "string", description: "Names the event for good; told twice, it is the same." },
    at: { type: "string", format: "date-time" },
    job: { type: "string" },
    queue: { type: "string" },
    labels: { type: "object", additionalProperties: { type: "string" } },
    what: { type: "string" },
    state: { type: "string", enum: JOB_STATES },
  },
});

const deadLetterSchema = z
  .object({
    id: z.string().describe("The event's, as receivers get it in `Millrace-Event`."),
    at: instant.describe("When it was given up."),
    reason: z.string().describe("Why the last try failed."),
    event: eventSchema,
  })
  .openapi("WebhookDeadLetter");

const { properties } = z.toJSONSchema(webhookSchema, { io: "input" });
const settingsBody = jsonBody({ type: "object", properties: properties ?? {} });
const listRoute = createRoute({
  method: "get",
  path: "/v1/webhooks",
  summary: "List the webhooks",
  responses: {
    200: json("All webhooks.", z.object({ webhooks: z.array(webhookView) })),
    ...problems(),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/webhooks/{name}",
  summary: "Look at a webhook",
  request: { params },
  responses: { 200: json("The webhook.", webhookView), ...problems(404) },
});

const putRoute = createRoute({
  method: "put",
  path: "/v1/webhooks/{name}",
  summary: "Have changes of jobs sent to an address",
  description:
    "Events are told at least once, each under one id for good, signed in `Millrace-Signature: t=<s>,v1=<HMAC-SHA256 of t.body>`. Replaces all settings; only a secret that is left out stays.",
  parameters: [...conditionParameters],
  request: { params, body: { ...settingsBody, required: true } },
  responses: {
    200: json("The settings are stored.", webhookView),
    201: json("The webhook is new.", webhookView),
    ...problems(412, 413, 415, 422, 507),
  },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/webhooks/{name}",
  summary: "Remove a webhook",
  parameters: [conditionParameters[0]],
  request: { params },
  responses: { 204: { description: "The webhook is gone." }, ...problems(404, 412, 507) },
});

const deadRoute = createRoute({
  method: "get",
  path: "/v1/webhooks/{name}/dead-letters",
  summary: "What could not be delivered",
  request: { params },
  responses: {
    200: json("Oldest first.", z.object({ deadLetters: z.array(deadLetterSchema) })),
    ...problems(404),
  },
});

const redeliverBody = z.strictObject({
  ids: z.array(z.string().max(64)).min(1).max(100).optional(),
});

const redeliverRoute = createRoute({
  method: "post",
  path: "/v1/webhooks/{name}/dead-letters/redeliver",
  summary: "Try once more to deliver what could not be delivered",
  description: "The events with these ids, or the 100 oldest.",
  request: {
    params,
    body: jsonBody({
      type: "object",
      properties: { ids: { type: "array", maxItems: 100, items: { type: "string" } } },
    }),
  },
  responses: {
    200: json(
      "What came of each.",
      z.object({
        results: z.array(
          z.object({ id: z.string(), delivered: z.boolean(), reason: z.string().optional() }),
        ),
      }),
    ),
    ...problems(404, 413, 415, 422, 507),
  },
});

export function createWebhookRoutes({ webhooks }: Pick<HttpDeps, "webhooks">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) =>
      c.json(
        {
          webhooks: webhooks
            .list()
            .filter((hook) => isOwn(c, hook))
            .map(viewOf),
        },
        200,
      ),
    )
    .openapi(getRoute, async (c) => {
      const found = await webhooks.read(ownName(c, c.req.valid("param")));
      c.header("ETag", tagOf(found.revision));
      return c.json(viewOf(found), 200);
    })
    .openapi(putRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const parsed = webhookSchema.safeParse(await readJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const expected = expectedBy(c);
      const { stored, isNew, made } = await webhooks.put(name, parsed.data, expected);
      c.header("ETag", tagOf(stored.revision));
      const view = { ...viewOf(stored), ...(made === undefined ? {} : { secret: made }) };
      return isNew ? c.json(view, 201) : c.json(view, 200);
    })
    .openapi(deleteRoute, async (c) => {
      const expected = expectedBy(c);
      await webhooks.remove(ownName(c, c.req.valid("param")), expected);
      return c.body(null, 204);
    })
    .openapi(deadRoute, async (c) => {
      const letters = await webhooks.deadLetters(ownName(c, c.req.valid("param")));
      return c.json({ deadLetters: letters.map(letterView) }, 200);
    })
    .openapi(redeliverRoute, async (c) => {
      const parsed = redeliverBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const results = await webhooks.redeliver(ownName(c, c.req.valid("param")), parsed.data.ids);
      const views = results.map(({ id, delivery: { ok, ...rest } }) => ({
        id,
        delivered: ok,
        ...rest,
      }));
      return c.json({ results: views }, 200);
    });
}

function viewOf({ name, value }: Revised<Webhook>): z.infer<typeof webhookView> {
  const { v: _v, secret: _secret, createdAt, ...settings } = value;
  return { name: plainName(name), ...settings, createdAt: iso(createdAt) };
}

const letterView = ({ event, reason, at }: DeadLetter) => ({
  id: event.id,
  at: iso(at),
  reason,
  event,
});
