// What callers may do to a job: cancel it, try it again.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import { text } from "../../shared/fields.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import { apply } from "../../shared/job-machine.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readOptionalJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobParams } from "./ids.ts";
import { jobSchema, jobView } from "./job-view.ts";
import { readJob } from "./jobs.ts";

const ACTOR = "api";

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
    ...problems(404, 409, 413, 415, 422, 507),
  },
});

const retryRoute = createRoute({
  method: "post",
  path: "/v1/jobs/{id}/retry",
  summary: "Run a finished job again",
  description: "The same job is queued again; its attempts and output so far stay.",
  request: { params: jobParams },
  responses: { 202: json("It is queued.", jobSchema), ...problems(404, 409, 507) },
});

export function createJobActionRoutes(deps: HttpDeps) {
  const { store, view, clock } = deps;

  async function cancel(jobId: string, reason: string): Promise<Versioned> {
    const found = await readJob(deps, jobId);
    if (isFinal(found.record.state))
      throw new MillraceError("job_finished", `Job ${jobId} is ${found.record.state} already.`);
    if (!view.get(jobId)?.cancelRequested)
      await store.requestCancel(jobId, { v: 1, at: clock.now(), actor: ACTOR, reason });
    return found;
  }

  async function retry(jobId: string): Promise<Versioned> {
    await dropCancel(jobId);
    try {
      return await store.update(jobId, (record) =>
        apply(record, { type: "retried", at: clock.now(), actor: ACTOR }),
      );
    } catch (error) {
      if (!hasCode(error, "illegal_move")) throw error;
      throw new MillraceError("job_not_finished", `Job ${jobId} has not finished yet.`, {
        cause: error,
      });
    }
  }

  /** An old wish to end must not catch the new series; one for a job that still runs stays. */
  async function dropCancel(jobId: string): Promise<void> {
    const { record } = await readJob(deps, jobId);
    if (!isFinal(record.state)) return;
    const intent = await store.cancelIntent(jobId);
    if (intent !== undefined && !intent.removed && intent.data.byteLength > 0)
      await store.clearCancel(jobId);
  }

  return new OpenAPIHono<HttpEnv>()
    .openapi(cancelRoute, async (c) => {
      const { id } = c.req.valid("param");
      const parsed = cancelBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { record, seq } = await cancel(id, parsed.data.reason);
      const job = jobView(record, seq, view.get(id));
      return c.json({ ...job, cancelRequested: true as const }, 202);
    })
    .openapi(retryRoute, async (c) => {
      const { record, seq } = await retry(c.req.valid("param").id);
      return c.json(jobView(record, seq), 202);
    });
}
