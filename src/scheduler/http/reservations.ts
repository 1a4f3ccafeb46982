// Reservations: slots of one worker that a caller has for a while.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { durationMs } from "../../shared/durations.ts";
import { duration } from "../../shared/fields.ts";
import { reservationSchema } from "../../shared/reservation.ts";
import { specError } from "../../shared/spec.ts";
import type { ReservationView } from "../reservations/desk.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readOptionalJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";

const reservationView = z
  .object({
    id: z.string().describe("What jobs name in `reservation`."),
    owner: z.string(),
    state: z.enum(["waiting", "held", "over"]),
    worker: z.string().optional(),
    slots: z.int(),
    expiresAt: instant.describe("Ends then unless it is renewed."),
    jobs: z.array(z.string()).describe("Unfinished jobs that run, or are to run, in it."),
  })
  .openapi("Reservation");

const { properties } = z.toJSONSchema(reservationSchema, { io: "input" });

const reserveRoute = createRoute({
  method: "post",
  path: "/v1/reservations",
  summary: "Reserve slots of one worker",
  description:
    "Answers when a worker holds them. Jobs with its id in `reservation` run there, share a directory and, for handlers, an object. A caller that goes away while waiting leaves nothing behind.",
  request: { body: jsonBody({ type: "object", properties: properties ?? {} }) },
  responses: { 201: json("They are held.", reservationView), ...problems(409, 413, 415, 422, 507) },
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/reservations",
  summary: "List one's reservations",
  responses: {
    200: json("By id.", z.object({ reservations: z.array(reservationView) })),
    ...problems(),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/reservations/{id}",
  summary: "Look at a reservation",
  request: { params: jobParams },
  responses: { 200: json("The reservation.", reservationView), ...problems(404) },
});

const renewBody = z.strictObject({
  ttl: duration({ minMs: 1_000, maxMs: 86_400_000 }).optional(),
});

const renewRoute = createRoute({
  method: "post",
  path: "/v1/reservations/{id}/renew",
  summary: "Put off the end of a reservation",
  description: "Good for `ttl` from now on; default: as long as it was asked for.",
  request: {
    params: jobParams,
    body: jsonBody({ type: "object", properties: { ttl: { type: "string", example: "1m" } } }),
  },
  responses: { 200: json("It is renewed.", reservationView), ...problems(404, 409, 413, 415, 422) },
});

const releaseRoute = createRoute({
  method: "delete",
  path: "/v1/reservations/{id}",
  summary: "Give a reservation back",
  description: "What still runs in it is cancelled.",
  request: { params: jobParams },
  responses: { 204: { description: "It ends." }, ...problems(404, 507) },
});

export function createReservationRoutes({ reservations }: Pick<HttpDeps, "reservations">) {
  return new OpenAPIHono<HttpEnv>()
    .openapi(reserveRoute, async (c) => {
      const parsed = reservationSchema.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const made = await reservations.reserve(parsed.data, c.get("caller"), c.req.raw.signal);
      c.header("Location", `/v1/reservations/${made.id}`);
      return c.json(viewOf(made), 201);
    })
    .openapi(listRoute, (c) =>
      c.json({ reservations: reservations.list(c.get("caller")).map(viewOf) }, 200),
    )
    .openapi(getRoute, async (c) =>
      c.json(viewOf(await reservations.read(c.req.valid("param").id, c.get("caller"))), 200),
    )
    .openapi(renewRoute, async (c) => {
      const parsed = renewBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { ttl } = parsed.data;
      const ttlMs = ttl === undefined ? undefined : durationMs(ttl);
      const { id } = c.req.valid("param");
      return c.json(viewOf(await reservations.renew(id, c.get("caller"), ttlMs)), 200);
    })
    .openapi(releaseRoute, async (c) => {
      await reservations.release(c.req.valid("param").id, c.get("caller"));
      return c.body(null, 204);
    });
}

const viewOf = ({ expiresAt, ...view }: ReservationView): z.infer<typeof reservationView> => ({
  ...view,
  expiresAt: iso(expiresAt),
});
