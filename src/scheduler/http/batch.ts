// Many jobs in one request: checked as a whole before any is stored, then stored side by side.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import { jobSpecSchema, specError, type JobSpec } from "../../shared/spec.ts";
import { createSubmit, requireStorable } from "../submission/submit.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson, SUBMIT_LIMIT } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { readKey } from "./idempotency-key.ts";
import { keyParameter } from "./jobs.ts";
import { SPEC_REFERENCE } from "./spec-schema.ts";

const MAX_JOBS = 1_000;

const batchSchema = z.strictObject({ jobs: z.array(jobSpecSchema).min(1).max(MAX_JOBS) });

const batchRoute = createRoute({
  method: "post",
  path: "/v1/jobs/batch",
  summary: "Submit up to 1,000 jobs",
  description:
    "All are checked before any is stored. When storing fails half-way, the problem has a member `jobs` that says of each whether it is stored: `yes`, `no` or `unknown`. With an Idempotency-Key the whole batch can simply be sent again.",
  parameters: [keyParameter],
  request: {
    body: {
      ...jsonBody({
        type: "object",
        properties: {
          jobs: { type: "array", minItems: 1, maxItems: MAX_JOBS, items: SPEC_REFERENCE },
        },
      }),
      required: true,
    },
  },
  responses: {
    202: json(
      "All are stored, in the order of the request.",
      z.object({ jobs: z.array(z.object({ id: z.string() })) }),
    ),
    ...problems(409, 410, 413, 415, 422, 429, 507),
  },
});

export function createBatchRoutes(deps: HttpDeps) {
  const submit = createSubmit(deps);

  return new OpenAPIHono<HttpEnv>().openapi(batchRoute, async (c) => {
    const key = readKey(c.req.header("idempotency-key"));
    const specs = parseBatch(await readJson(c, SUBMIT_LIMIT));
    for (const [index, spec] of specs.entries())
      requireStorable(spec, deps.broker.maxPayload, `jobs[${index}]`);
    if (key === undefined) deps.admission.requireRoom(specs);
    const results = await Promise.allSettled(
      // a line break cannot stand in a key, so no other request's key means the same job
      specs.map((spec, index) =>
        submit(spec, c.get("caller"), key === undefined ? undefined : `${key}\n${index}`),
      ),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      c.set("problemMembers", { jobs: results.map(fate) });
      throw failed.reason;
    }
    return c.json({ jobs: results.flatMap(idOf) }, 202);
  });
}

function parseBatch(body: unknown): JobSpec[] {
  const parsed = batchSchema.safeParse(body);
  if (parsed.success) return parsed.data.jobs;
  throw specError(parsed.error);
}

type Result = PromiseSettledResult<{ record: { id: string } }>;

const idOf = (result: Result): { id: string }[] =>
  result.status === "fulfilled" ? [{ id: result.value.record.id }] : [];

/** A publish that got no answer may still have been stored. */
function fate(result: Result): { id?: string; stored: "yes" | "no" | "unknown"; code?: string } {
  if (result.status === "fulfilled") return { id: result.value.record.id, stored: "yes" };
  const { reason } = result;
  const code = reason instanceof MillraceError ? reason.code : "internal";
  return { stored: hasCode(reason, "broker_unavailable") ? "unknown" : "no", code };
}
