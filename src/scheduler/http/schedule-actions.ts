// What can be done with a schedule, and what it did.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { date } from "../../shared/fields.ts";
import { MillraceError } from "../../shared/errors.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { scheduleParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";
import { ownName } from "./own.ts";
import { pauseSchema, scheduleSchema, scheduleView } from "./schedule-schema.ts";

const MAX_EVENTS = 200;

const toggleRoute = <const V extends "pause" | "resume">(verb: V, description: string) =>
  createRoute({
    method: "post",
    path: `/v1/schedules/{name}/${verb}` as const,
    summary: verb === "pause" ? "Pause a schedule" : "Resume a schedule",
    description,
    request: { params: scheduleParams },
    responses: { 200: json("The schedule.", scheduleSchema), ...problems(404, 507) },
  });

const pauseRoute = toggleRoute(
  "pause",
  "Nothing fires until it is resumed; instants in between are recorded as skipped. It outlives every restart.",
);
const resumeRoute = toggleRoute("resume", "It fires again, from the next instant on.");

const triggerRoute = createRoute({
  method: "post",
  path: "/v1/schedules/{name}/trigger",
  summary: "Start a run now",
  description:
    "Also while it is paused and whatever runs. For instants that come later it is the run before them.",
  request: { params: scheduleParams },
  responses: {
    202: json("The run is stored.", z.object({ run: z.string(), at: instant })),
    ...problems(404, 409, 422, 429, 507),
  },
});

const backfillRoute = createRoute({
  method: "post",
  path: "/v1/schedules/{name}/backfill",
  summary: "Run instants of the past",
  description:
    "Every open instant from `from` to `to` that has no run yet gets one, in order and by the overlap rule (skip waits here). 1,000 at most.",
  request: {
    params: scheduleParams,
    body: {
      ...jsonBody({
        type: "object",
        properties: {
          from: { type: "string", format: "date-time" },
          to: { type: "string", format: "date-time" },
        },
      }),
      required: true,
    },
  },
  responses: {
    202: json("So many instants are to be run.", z.object({ instants: z.int() })),
    ...problems(404, 413, 415, 422, 507),
  },
});

const eventSchema = z
  .object({
    at: instant.describe("When it was decided."),
    what: z.string().describe("fired, skipped, failed, generated, created, paused, …"),
    actor: z.string().optional(),
    reason: z.string().optional(),
    run: z.string().optional(),
    instant: instant.optional().describe("The instant that it is about, or the first of several."),
    until: instant.optional().describe("The last of several instants."),
    count: z.int().optional(),
    atLeast: z.literal(true).optional().describe("There were more instants than were counted."),
    late: z.literal(true).optional().describe("It was missed, and is made good."),
    jobs: z.object({ submitted: z.int(), known: z.int() }).optional(),
  })
  .openapi("ScheduleEvent");

const eventsRoute = createRoute({
  method: "get",
  path: "/v1/schedules/{name}/events",
  summary: "What a schedule did, and why",
  request: {
    params: scheduleParams,
    query: z.strictObject({
      limit: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_EVENTS)
        .default(MAX_EVENTS)
        .openapi({ type: "integer", minimum: 1, maximum: MAX_EVENTS, default: MAX_EVENTS }),
      cursor: z.string().optional().describe("`next` of the page before."),
    }),
  },
  responses: {
    200: json(
      "Oldest first. Kept for 30 days, also beyond the schedule itself.",
      z.object({
        events: z.array(eventSchema),
        next: z.string().describe("Cursor of what comes after; ask again later for what is new."),
      }),
    ),
    ...problems(),
  },
});

const everyGetRoute = createRoute({
  method: "get",
  path: "/v1/schedules-paused",
  summary: "Whether all schedules are paused",
  responses: {
    200: json("", z.object({ paused: z.boolean(), pause: pauseSchema.optional() })),
    ...problems(),
  },
});

const everyPutRoute = createRoute({
  method: "put",
  path: "/v1/schedules-paused",
  summary: "Pause or resume all schedules",
  request: {
    body: {
      ...jsonBody({ type: "object", properties: { paused: { type: "boolean" } } }),
      required: true,
    },
  },
  responses: {
    200: json("It is stored.", z.object({ paused: z.boolean() })),
    ...problems(413, 415, 422, 507),
  },
});

const rangeSchema = z
  .strictObject({ from: date, to: date })
  .transform(({ from, to }) => ({ from: Date.parse(from), to: Date.parse(to) }))
  .refine(({ from, to }) => from <= to, { message: "must not be before from", path: ["to"] });
const everySchema = z.strictObject({ paused: z.boolean() });

export function createScheduleActionRoutes({
  schedules,
  clock,
}: Pick<HttpDeps, "schedules" | "clock">) {
  const show = async (name: string) => scheduleView(await schedules.get(name), schedules.next);

  return new OpenAPIHono<HttpEnv>()
    .openapi(pauseRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      await schedules.pause(name, c.get("caller").name);
      return c.json(await show(name), 200);
    })
    .openapi(resumeRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      await schedules.resume(name, c.get("caller").name);
      return c.json(await show(name), 200);
    })
    .openapi(triggerRoute, async (c) => {
      const { run, at } = await schedules.trigger(
        ownName(c, c.req.valid("param")),
        c.get("caller").name,
      );
      return c.json({ run, at: iso(at) }, 202);
    })
    .openapi(backfillRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const { from, to } = parse(rangeSchema, await readJson(c));
      if (to > clock.now())
        throw new MillraceError("invalid_spec", "to: must not be in the future", { field: "to" });
      return c.json(
        { instants: await schedules.backfill(name, from, to, c.get("caller").name) },
        202,
      );
    })
    .openapi(eventsRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const { limit, cursor } = c.req.valid("query");
      const scope = `schedule events ${name}`;
      const after = cursor === undefined ? 0 : sequenceIn(decodeCursor(scope, cursor));
      const found = await schedules.events(name, after, limit);
      const next = encodeCursor(scope, found.at(-1)?.seq ?? after);
      return c.json({ events: found.map(({ happening }) => eventView(happening)), next }, 200);
    })
    .openapi(everyGetRoute, async (c) => {
      const pause = await schedules.everyPause(c.get("caller").namespace);
      if (pause === undefined) return c.json({ paused: false }, 200);
      return c.json({ paused: true, pause: { since: iso(pause.from), actor: pause.actor } }, 200);
    })
    .openapi(everyPutRoute, async (c) => {
      const { paused } = parse(everySchema, await readJson(c));
      const { name, namespace } = c.get("caller");
      await schedules.pauseEvery(paused, name, namespace);
      return c.json({ paused }, 200);
    });
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw specError(parsed.error);
}

function sequenceIn(position: unknown): number {
  if (typeof position === "number" && Number.isSafeInteger(position)) return position;
  throw invalidCursor();
}

type Told = Awaited<ReturnType<HttpDeps["schedules"]["events"]>>[number]["happening"];
type EventView = z.infer<typeof eventSchema>;

const DETAILS = ["instant", "until", "count", "atLeast", "late", "jobs"] as const;

function eventView({ at, what, actor, reason, job, detail = {} }: Told): EventView {
  const details = DETAILS.filter((key) => detail[key] !== undefined);
  return {
    at: iso(at),
    what,
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
    ...(job === undefined ? {} : { run: job }),
    ...(Object.fromEntries(details.map((key) => [key, detail[key]])) as Partial<EventView>),
  };
}
