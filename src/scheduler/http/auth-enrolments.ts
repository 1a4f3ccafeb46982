// Which workers the broker lets in: invited, listed, and turned away again.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { durationMs } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import { duration, name } from "../../shared/fields.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import { specError } from "../../shared/spec.ts";
import { mintInvitation, newEnrolment, type Enrolment } from "../auth/enrolment.ts";
import type { Shelf } from "../config-book.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { queueParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";

export type EnrolmentDeps = {
  store: ConfigStore<Enrolment>;
  shelf: Shelf<Enrolment>;
  /** Ends the connections of all workers of the name. */
  putOut(worker: string): Promise<number>;
};

const enrolmentSchema = z
  .object({
    name: z.string(),
    state: z.enum(["invited", "enrolled"]),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.optional().describe("Until when the invitation is good."),
    joinedAt: instant.optional(),
    key: z.string().optional().describe("Public part of its key."),
  })
  .openapi("Enrolment");

const inviteBody = z.strictObject({
  name,
  expires: duration({ minMs: 1_000 }).default("1h"),
});

const inviteRoute = createRoute({
  method: "post",
  path: "/v1/enrolments",
  summary: "Invite a worker",
  description: "`join` is shown this once; the worker starts with it, once, within `expires` (1h).",
  request: {
    body: {
      ...jsonBody({
        type: "object",
        properties: { name: { type: "string" }, expires: { type: "string", example: "1h" } },
      }),
      required: true,
    },
  },
  responses: {
    201: json("The invitation.", enrolmentSchema.extend({ join: z.string() })),
    ...problems(401, 403, 409, 413, 415, 422, 507),
  },
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/enrolments",
  summary: "List the workers that may come in",
  responses: {
    200: json("By name.", z.object({ enrolments: z.array(enrolmentSchema) })),
    ...problems(401, 403),
  },
});

const revokeRoute = createRoute({
  method: "delete",
  path: "/v1/enrolments/{name}",
  summary: "Let a worker in no longer",
  description: "Its connection is ended; what it ran counts as lost.",
  request: { params: queueParams },
  responses: { 204: { description: "It is out." }, ...problems(401, 403, 404, 507) },
});

export function createEnrolmentRoutes({
  enrolments,
  clock,
}: Pick<HttpDeps, "enrolments" | "clock">) {
  const { store, shelf, putOut } = enrolments;

  return new OpenAPIHono<HttpEnv>()
    .openapi(inviteRoute, async (c) => {
      const parsed = inviteBody.safeParse(await readJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { name: worker, expires } = parsed.data;
      const before = await store.read(worker);
      if (before?.value.key !== undefined)
        throw new MillraceError(
          "already_enrolled",
          `Worker ${worker} is enrolled; revoke it first.`,
        );
      const { token, hash } = mintInvitation();
      const createdAt = clock.now();
      const times = { createdAt, expiresAt: createdAt + durationMs(expires) };
      const value = newEnrolment(hash, times, c.get("caller").name);
      await store.put(worker, value, before?.revision ?? 0);
      return c.json({ ...enrolmentView({ name: worker, value }), join: token }, 201);
    })
    .openapi(listRoute, (c) =>
      c.json({ enrolments: shelf.entries().map((entry) => enrolmentView(entry)) }, 200),
    )
    .openapi(revokeRoute, async (c) => {
      const { name: worker } = c.req.valid("param");
      const found = await store.read(worker);
      if (found !== undefined) await store.remove(worker, found.revision);
      const ended = await putOut(worker);
      if (found === undefined && ended === 0)
        throw new MillraceError("not_found", `No worker ${worker} is enrolled.`);
      return c.body(null, 204);
    });
}

function enrolmentView({ name: worker, value }: Omit<Revised<Enrolment>, "revision">) {
  const { createdAt, createdBy, join, key, joinedAt } = value;
  return {
    name: worker,
    state: key === undefined ? ("invited" as const) : ("enrolled" as const),
    createdAt: iso(createdAt),
    createdBy,
    expiresAt: join === undefined ? undefined : iso(join.expiresAt),
    joinedAt: joinedAt === undefined ? undefined : iso(joinedAt),
    key,
  };
}
