// Queues: what waits and runs in them, and their settings.
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

const queueSchema = z
  .object({
    name: z.string(),
    paused: z.boolean().describe("A paused queue accepts jobs and starts none."),
    maxRunning: z.int().optional().describe("Attempts that may run at once; absent: no limit."),
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

const putRoute = createRoute({
  method: "put",
  path: "/v1/queues/{name}",
  summary: "Set a queue up",
  description: "Replaces all settings of the queue; what is left out gets its default.",
  request: {
    params: queueParams,
    body: {
      ...jsonBody({
        type: "object",
        properties: { paused: { type: "boolean" }, maxRunning: { type: "integer", minimum: 1 } },
      }),
      required: true,
    },
  },
  responses: {
    200: json(
      "The settings are stored.",
      z.object({ name: z.string(), paused: z.boolean(), maxRunning: z.int().optional() }),
    ),
    ...problems(413, 415, 422, 507),
  },
});

export function createQueueRoutes({ view, queues }: Pick<HttpDeps, "view" | "queues">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => c.json({ queues: view.queues().map(queueView) }, 200))
    .openapi(putRoute, async (c) => {
      const { name } = c.req.valid("param");
      const settings = parseSettings(await readJson(c));
      await queues.put(name, settings);
      return c.json({ name, ...settings }, 200);
    });
}

function parseSettings(body: unknown): QueueSettings {
  const parsed = queueSettingsSchema.safeParse(body);
  if (!parsed.success) throw specError(parsed.error);
  const { paused, maxRunning } = parsed.data;
  return maxRunning === undefined ? { paused } : { paused, maxRunning };
}

const queueView = ({ oldestAt, ...queue }: QueueView) => ({
  ...queue,
  ...(oldestAt === undefined ? {} : { oldestAt: iso(oldestAt) }),
});
