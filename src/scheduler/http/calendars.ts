// Calendars: which days are open, for the schedules that ask.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { calendarSchema, type Calendar } from "../../shared/calendar.ts";
import { plainName } from "../../shared/scoped-name.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import { conditionParameters, expectedBy, tagOf } from "./conditions.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { calendarParams } from "./ids.ts";
import { isOwn, ownName } from "./own.ts";
import { CALENDAR_REFERENCE } from "./schedule-schema.ts";

const calendarView = z
  .object({
    name: z.string(),
    calendar: z.custom<Calendar>().openapi({ type: "object", allOf: [CALENDAR_REFERENCE] }),
  })
  .openapi("Calendar");

const listRoute = createRoute({
  method: "get",
  path: "/v1/calendars",
  summary: "List the calendars",
  responses: {
    200: json("All calendars, by name.", z.object({ calendars: z.array(calendarView) })),
    ...problems(),
  },
});

const putRoute = createRoute({
  method: "put",
  path: "/v1/calendars/{name}",
  summary: "Make or change a calendar",
  description: "Schedules that use it follow the change at once.",
  parameters: [...conditionParameters],
  request: { params: calendarParams, body: { ...jsonBody(CALENDAR_REFERENCE), required: true } },
  responses: {
    200: json("It is changed.", calendarView),
    201: json("It is made.", calendarView),
    ...problems(412, 413, 415, 422, 507),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/calendars/{name}",
  summary: "Look at a calendar",
  request: { params: calendarParams },
  responses: { 200: json("The calendar.", calendarView), ...problems(404) },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/calendars/{name}",
  summary: "Remove a calendar",
  description: "Refused while a schedule uses it.",
  parameters: [conditionParameters[0]],
  request: { params: calendarParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 409, 412, 507) },
});

export function createCalendarRoutes({ calendars }: Pick<HttpDeps, "calendars">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) =>
      c.json(
        {
          calendars: calendars
            .list()
            .filter((entry) => isOwn(c, entry))
            .map(({ name, value }) => view(name, value)),
        },
        200,
      ),
    )
    .openapi(putRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const expected = expectedBy(c);
      const parsed = calendarSchema.safeParse(await readJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { revision, created } = await calendars.put(
        name,
        parsed.data,
        expected,
        c.get("caller").name,
      );
      c.header("ETag", tagOf(revision));
      return c.json(view(name, parsed.data), created ? 201 : 200);
    })
    .openapi(getRoute, async (c) => {
      const { name, value, revision } = await calendars.get(ownName(c, c.req.valid("param")));
      c.header("ETag", tagOf(revision));
      return c.json(view(name, value), 200);
    })
    .openapi(deleteRoute, async (c) => {
      await calendars.remove(ownName(c, c.req.valid("param")), expectedBy(c), c.get("caller").name);
      return c.body(null, 204);
    });
}

const view = (name: string, calendar: Calendar) => ({ name: plainName(name), calendar });
