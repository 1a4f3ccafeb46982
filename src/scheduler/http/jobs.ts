// One job: submit it, look at it, remove it.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import { bringBack } from "../../shared/io/large-values.ts";
import { noJob, type Versioned } from "../../shared/io/job-store.ts";
import { isFinal, type JobRecord } from "../../shared/job.ts";
import type { LargeText } from "../../shared/reference.ts";
import { parseSpec } from "../../shared/spec.ts";
import { createSubmit, requireStorable } from "../submission/submit.ts";
import { json, jsonAnswer, jsonBody, problems, valid, waitParameter } from "./answers.ts";
import { readJson, SUBMIT_LIMIT } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { readKey } from "./idempotency-key.ts";
import { jobParams } from "./ids.ts";
import { jobSchema, jobTag, jobView, valueAt, type JobView } from "./job-view.ts";
import { SPEC_REFERENCE } from "./spec-schema.ts";
import { createAwaitFinal } from "./wait.ts";

const waitQuery = z.strictObject({ wait: waitParameter });

/** Read by hand from the one header that counts, which is cheaper than a validator over all of them. */
export const keyParameter = {
  in: "header",
  name: "Idempotency-Key",
  description: "1-255 printable ASCII characters. The same key and body always mean the same job.",
  schema: { type: "string", minLength: 1, maxLength: 255 },
} as const;

/** By hand as well: nearly every submission comes without, and a validator costs as much as finding the route. */
const waitInQuery = {
  in: "query",
  name: "wait",
  description: "Answer when the job is final, or after this long.",
  schema: { type: "string", example: "30s" },
} as const;

function readWait(c: Context): number | undefined {
  if (!c.req.url.includes("?")) return undefined;
  const given = Object.entries(c.req.queries()).map(([key, [first, ...more]]) => [
    key,
    more.length === 0 ? first : [first, ...more],
  ]);
  return valid("query", waitQuery, Object.fromEntries(given)).wait;
}

const submitRoute = createRoute({
  method: "post",
  path: "/v1/jobs",
  summary: "Submit a job",
  parameters: [keyParameter, waitInQuery],
  request: { body: { ...jsonBody(SPEC_REFERENCE), required: true } },
  responses: {
    200: json(
      "With `wait`: the job has ended. With `Unique-Existing: true`: the job that stands for the unique key; nothing was submitted.",
      jobSchema,
    ),
    202: json(
      "The job is stored and will end in exactly one final state. It is shown as `GET` shows it: huge values are named in `large`.",
      jobSchema,
    ),
    ...problems(409, 410, 413, 415, 422, 429, 507),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}",
  summary: "Look at a job",
  request: { params: jobParams, query: waitQuery },
  responses: {
    200: json("The job.", jobSchema),
    304: { description: "It is still as `If-None-Match` says." },
    ...problems(404, 410),
  },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/jobs/{id}",
  summary: "Remove a finished job",
  request: { params: jobParams },
  responses: { 204: { description: "The job is gone." }, ...problems(404, 409, 507) },
});

const MAX_ROUNDS = 10;
/** A larger value is not shown, but where it is to be had. */
const SHOWN_BYTES = 1_048_576;

export function createJobRoutes(deps: HttpDeps) {
  const { broker, files, store, view } = deps;
  const submit = createSubmit(deps);
  const awaitFinal = createAwaitFinal(deps);

  async function answer<S extends 200 | 202>(
    { record, seq }: Versioned,
    status: S,
    headers: Readonly<Record<string, string>> = {},
    large: readonly LargeText[] = [],
  ) {
    const overlay = view.get(record.id);
    const ETag = jobTag(record, seq, overlay);
    const job = jobView(await withValues(record), seq, overlay);
    return jsonAnswer(withoutHuge(job, large), status, { ...headers, ETag });
  }

  /** A value that is not to be had does not hide the job. */
  async function withValues(record: JobRecord): Promise<JobRecord> {
    if (record.references === undefined) return record;
    try {
      return await bringBack(files, record, { maxBytes: SHOWN_BYTES, patienceMs: 0 });
    } catch (error) {
      if (hasCode(error, "file_not_found", "file_damaged")) return record;
      throw error;
    }
  }

  /** The tag of what the caller would get, if that is what they say they have. */
  function knownTag(c: Context, { record, seq }: Versioned): string | undefined {
    const known = c.req.header("if-none-match");
    if (known === undefined) return undefined;
    const tag = jobTag(record, seq, view.get(record.id));
    return known.split(",").some((one) => one.trim().replace(/^W\//, "") === tag) ? tag : undefined;
  }

  async function remove(jobId: string): Promise<void> {
    const found = await store.read(jobId);
    const seq = found?.seq ?? (await store.unreadableAt(jobId));
    if (seq === undefined) throw noJob(jobId);
    if (found !== undefined && !isFinal(found.record.state))
      throw new MillraceError(
        "job_not_finished",
        `Job ${jobId} is ${found.record.state}; cancel it first.`,
      );
    await store.remove(jobId, seq);
  }

  return new OpenAPIHono<HttpEnv>()
    .openapi(submitRoute, async (c) => {
      const key = readKey(c.req.header("idempotency-key"));
      const wait = readWait(c);
      const spec = parseSpec(await readJson(c, SUBMIT_LIMIT));
      const large = requireStorable(spec, broker.maxPayload);
      const accepted = await submit(spec, c.get("caller"), key);
      const { record, replayed, existing } = accepted;
      const headers: Record<string, string> = { Location: `/v1/jobs/${record.id}` };
      if (replayed) headers["Idempotent-Replayed"] = "true";
      if (existing) headers["Unique-Existing"] = "true";
      if (wait === undefined)
        return answer(accepted, existing ? 200 : 202, headers, replayed || existing ? [] : large);
      const ended = await awaitFinal(record.id, wait, c.req.raw.signal);
      if (ended !== undefined) return answer(ended, 200, headers);
      return answer(await readJob(deps, record.id), 202, headers);
    })
    .openapi(getRoute, async (c) => {
      const { id } = c.req.valid("param");
      const { wait } = c.req.valid("query");
      const ended = wait === undefined ? undefined : await awaitFinal(id, wait, c.req.raw.signal);
      const found = ended ?? (await readJob(deps, id));
      const tag = knownTag(c, found);
      return tag === undefined ? answer(found, 200) : c.body(null, 304, { ETag: tag });
    })
    .openapi(deleteRoute, async (c) => {
      const { id } = c.req.valid("param");
      for (let round = 1; ; round += 1) {
        try {
          await remove(id);
          return c.body(null, 204);
        } catch (error) {
          if (!hasCode(error, "lost_race") || round === MAX_ROUNDS) throw error;
        }
      }
    });
}

/** A job that was just submitted with these parts as it will be shown from now on. */
function withoutHuge(job: JobView, parts: readonly LargeText[]): JobView {
  const huge = parts.filter(({ bytes }) => bytes > SHOWN_BYTES);
  if (huge.length === 0) return job;
  const spec = { ...job.spec };
  for (const { part } of huge) delete spec[part];
  const large = huge.map(({ part, bytes }) => [part, valueAt(job.id, part, bytes)] as const);
  return { ...job, spec, large: Object.fromEntries(large) };
}

/** The newest record; throws `job_not_found`, or `job_unreadable` where something else stands in its place. */
export async function readJob(
  { store }: Pick<HttpDeps, "store">,
  jobId: string,
): Promise<Versioned> {
  const found = await store.read(jobId);
  if (found !== undefined) return found;
  throw noJob(jobId, await store.unreadableAt(jobId));
}
