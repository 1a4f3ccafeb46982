// Schedules: make, look at, change and remove them.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { scheduleSpecSchema, type ScheduleSpec } from "../../shared/schedule.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import { conditionParameters, expectedBy, tagOf } from "./conditions.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { scheduleParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";
import { isOwn, ownName } from "./own.ts";
import { SCHEDULE_REFERENCE, scheduleSchema, scheduleView } from "./schedule-schema.ts";

const listRoute = createRoute({
  method: "get",
  path: "/v1/schedules",
  summary: "List the schedules",
  responses: {
    200: json("All schedules, by name.", z.object({ schedules: z.array(scheduleSchema) })),
    ...problems(),
  },
});

const putRoute = createRoute({
  method: "put",
  path: "/v1/schedules/{name}",
  summary: "Make or change a schedule",
  description:
    "Replaces the whole schedule. A rule that would never fire is refused. Instants before the change are none of a changed rule's.",
  parameters: [...conditionParameters],
  request: {
    params: scheduleParams,
    body: { ...jsonBody(SCHEDULE_REFERENCE), required: true },
  },
  responses: {
    200: json("It is changed, or was like that already.", scheduleSchema),
    201: json("It is made.", scheduleSchema),
    ...problems(412, 413, 415, 422, 507),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/schedules/{name}",
  summary: "Look at a schedule",
  request: { params: scheduleParams },
  responses: { 200: json("The schedule.", scheduleSchema), ...problems(404) },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/schedules/{name}",
  summary: "Remove a schedule",
  description: "What it started runs on.",
  parameters: [conditionParameters[0]],
  request: { params: scheduleParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 412, 507) },
});

const nextRoute = createRoute({
  method: "get",
  path: "/v1/schedules/{name}/next",
  summary: "When it fires next",
  request: {
    params: scheduleParams,
    query: z.strictObject({
      count: z.coerce
        .number()
        .int()
        .min(1)
        .max(100)
        .default(10)
        .openapi({ type: "integer", minimum: 1, maximum: 100, default: 10 }),
    }),
  },
  responses: {
    200: json(
      "The next instants on open days, without jitter, as if it were not paused.",
      z.object({ next: z.array(instant) }),
    ),
    ...problems(404),
  },
});

export function createScheduleRoutes({ schedules }: Pick<HttpDeps, "schedules">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => {
      const listed = schedules.list().filter(({ entry }) => isOwn(c, entry));
      return c.json({ schedules: listed.map((one) => scheduleView(one, schedules.next)) }, 200);
    })
    .openapi(putRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const expected = expectedBy(c);
      const spec = parseSchedule(await readJson(c));
      const { entry, created } = await schedules.put(name, spec, expected, c.get("caller").name);
      const { state } = await schedules.get(name);
      c.header("ETag", tagOf(entry.revision));
      const view = scheduleView({ entry, state }, schedules.next);
      return created ? c.json(view, 201) : c.json(view, 200);
    })
    .openapi(getRoute, async (c) => {
      const standing = await schedules.get(ownName(c, c.req.valid("param")));
      c.header("ETag", tagOf(standing.entry.revision));
      return c.json(scheduleView(standing, schedules.next), 200);
    })
    .openapi(deleteRoute, async (c) => {
      await schedules.remove(ownName(c, c.req.valid("param")), expectedBy(c), c.get("caller").name);
      return c.body(null, 204);
    })
    .openapi(nextRoute, async (c) => {
      const { entry } = await schedules.get(ownName(c, c.req.valid("param")));
      return c.json({ next: schedules.next(entry, c.req.valid("query").count).map(iso) }, 200);
    });
}

function parseSchedule(body: unknown): ScheduleSpec {
  const parsed = scheduleSpecSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw specError(parsed.error);
}
