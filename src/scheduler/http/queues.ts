// Queues: what waits and runs in them, their settings, and emptying them.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { JOB_STATES } from "../../shared/job.ts";
import { queueSettingsSchema, type QueueSettings } from "../../shared/queue-settings.ts";
import { specError } from "../../shared/spec.ts";
import type { QueueView } from "../core/board.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { queueParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";

const named = z.object({ name: z.string(), ...queueSettingsSchema.shape });

const queueSchema = named
  .extend({
    depth: z.record(z.enum(JOB_STATES), z.int()).describe("Jobs per state."),
    oldestAt: instant.optional().describe("Submit instant of the oldest job that could start now."),
  })
  .openapi("Queue");

const listRoute = createRoute({
  method: "get",
  path: "/v1/queues",
  summary: "List the queues",
  responses: {
    200: json("All queues that have jobs or settings.", z.object({ queues: z.array(queueSchema) })),
    ...problems(),
  },
});

const { properties } = z.toJSONSchema(queueSettingsSchema, { io: "input" });

const putRoute = createRoute({
  method: "put",
  path: "/v1/queues/{name}",
  summary: "Set a queue up",
  description: "Replaces all settings of the queue; what is left out gets its default.",
  request: {
    params: queueParams,
    body: { ...jsonBody({ type: "object", properties: properties ?? {} }), required: true },
  },
  responses: {
    200: json("The settings are stored.", named.openapi("QueueSettings")),
    ...problems(413, 415, 422, 507),
  },
});

const purgeRoute = createRoute({
  method: "post",
  path: "/v1/queues/{name}/purge",
  summary: "Cancel what waits in a queue",
  description:
    "Every job of the queue that waits, delayed ones too, becomes `cancelled`. What a worker has is not touched, nor what is submitted later.",
  request: { params: queueParams },
  responses: {
    202: json(
      "The wish is stored and will be carried out.",
      z.object({ name: z.string(), waiting: z.int().describe("Jobs that waited just now.") }),
    ),
    ...problems(507),
  },
});

export function createQueueRoutes({
  view,
  queues,
  clock,
}: Pick<HttpDeps, "view" | "queues" | "clock">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => c.json({ queues: view.queues().map(queueView) }, 200))
    .openapi(putRoute, async (c) => {
      const { name } = c.req.valid("param");
      const settings = parseSettings(await readJson(c));
      await queues.put(name, settings);
      return c.json({ name, ...settings }, 200);
    })
    .openapi(purgeRoute, async (c) => {
      const { name } = c.req.valid("param");
      const waiting = view.waitingIn(name);
      await queues.purge(name, { at: clock.now(), actor: c.get("caller").name });
      return c.json({ name, waiting }, 202);
    });
}

function parseSettings(body: unknown): QueueSettings {
  const parsed = queueSettingsSchema.safeParse(body);
  if (!parsed.success) throw specError(parsed.error);
  return parsed.data;
}

const queueView = ({ oldestAt, ...queue }: QueueView) => ({
  ...queue,
  ...(oldestAt === undefined ? {} : { oldestAt: iso(oldestAt) }),
});
