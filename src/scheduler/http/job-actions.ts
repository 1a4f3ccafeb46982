// The routes of what callers may do to a job: cancel it, try it again.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { text } from "../../shared/fields.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readOptionalJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { jobSchema, jobView } from "./job-view.ts";
import { createJobActions } from "./cancel-retry.ts";

const cancelBody = z.strictObject({ reason: text(1_000).min(1).default("Cancelled by request.") });

const cancelRoute = createRoute({
  method: "post",
  path: "/v1/jobs/{id}/cancel",
  summary: "Cancel a job",
  description:
    "The job becomes `cancelled` unless it reaches another final state first. Its processes get TERM, then KILL after its grace time.",
  request: {
    params: jobParams,
    body: jsonBody({
      type: "object",
      properties: { reason: { type: "string", minLength: 1, maxLength: 1_000 } },
    }),
  },
  responses: {
    202: json(
      "The wish is stored and will be carried out. Asking again changes nothing.",
      jobSchema,
    ),
    ...problems(404, 409, 410, 413, 415, 422, 507),
  },
});

const retryRoute = createRoute({
  method: "post",
  path: "/v1/jobs/{id}/retry",
  summary: "Run a finished job again",
  description: "The same job is queued again; its attempts and output so far stay.",
  request: { params: jobParams },
  responses: { 202: json("It is queued.", jobSchema), ...problems(404, 409, 410, 507) },
});

export function createJobActionRoutes(deps: HttpDeps) {
  const { view } = deps;
  const { cancel, retry } = createJobActions(deps);

  return new OpenAPIHono<HttpEnv>()
    .openapi(cancelRoute, async (c) => {
      const { id } = c.req.valid("param");
      const parsed = cancelBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { record, seq } = await cancel(id, parsed.data.reason, c.get("caller").name);
      const job = jobView(record, seq, view.get(id));
      return c.json({ ...job, cancelRequested: true as const }, 202);
    })
    .openapi(retryRoute, async (c) => {
      const { record, seq } = await retry(c.req.valid("param").id, c.get("caller"));
      return c.json(jobView(record, seq), 202);
    });
}
