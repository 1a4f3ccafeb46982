// Lists jobs newest first, a page at a time.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { JOB_STATES } from "../../shared/job.ts";
import { isJobId, isLabelKey, isName, isWorkerId } from "../../shared/names.ts";
import type { ListQuery } from "../core/board.ts";
import { json, problems } from "./answers.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { jobSchema, jobView } from "./job-view.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

const label = z
  .string()
  .max(400)
  .refine((text) => isLabelKey(keyOf(text)), "must be a label's key, or key=value");
const limit = z
  .string()
  .regex(/^\d{1,4}$/, "must be a number")
  .transform(Number)
  .refine((count) => count >= 1 && count <= MAX_LIMIT, `must be 1 to ${MAX_LIMIT}`);
const nameText = z.string().refine(isName, "must be a name");

const listQuery = z.strictObject({
  state: z.enum(JOB_STATES).optional(),
  queue: nameText.optional(),
  label: label
    .optional()
    .openapi({ description: "The job bears this label.", example: "app=site" }),
  handler: nameText.optional(),
  worker: z
    .string()
    .refine(isWorkerId, "must be a worker id")
    .optional()
    .describe("The worker that has the job now."),
  limit: limit.optional().openapi({
    type: "integer",
    minimum: 1,
    maximum: MAX_LIMIT,
    description: `Default ${DEFAULT_LIMIT}.`,
  }),
  cursor: z.string().optional().describe("`next` of the page before, with the same filters."),
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/jobs",
  summary: "List jobs, newest first",
  request: { query: listQuery },
  responses: {
    200: json(
      "One page.",
      z.object({
        jobs: z.array(jobSchema),
        next: z.string().optional().describe("Cursor of the next page; absent on the last."),
      }),
    ),
    ...problems(),
  },
});

export function createJobListRoutes({ store, view }: HttpDeps) {
  return new OpenAPIHono<HttpEnv>().openapi(listRoute, async (c) => {
    const { cursor, limit: most = DEFAULT_LIMIT, label: wanted, ...filter } = c.req.valid("query");
    const { state, queue, handler, worker } = filter;
    const scope = `jobs ${JSON.stringify([state, queue, handler, worker, wanted])}`;
    const page = view.list({
      ...(filter as Partial<ListQuery>),
      ...(wanted === undefined ? {} : { label: labelOf(wanted) }),
      ...(cursor === undefined ? {} : { before: positionOf(decodeCursor(scope, cursor)) }),
      limit: most,
    });
    const jobs = await Promise.all(
      page.jobs.map(async (glimpse) => {
        const found = await store.read(glimpse.id);
        return found === undefined ? [] : [jobView(found.record, found.seq, glimpse)];
      }),
    );
    const next = page.next === undefined ? undefined : encodeCursor(scope, page.next);
    return c.json({ jobs: jobs.flat(), next }, 200);
  });
}

const keyOf = (text: string): string => text.split("=", 1)[0] ?? "";

function labelOf(text: string): { key: string; value?: string } {
  const key = keyOf(text);
  return key.length === text.length ? { key } : { key, value: text.slice(key.length + 1) };
}

function positionOf(value: unknown): NonNullable<ListQuery["before"]> {
  const { at, id } = (value ?? {}) as { at?: unknown; id?: unknown };
  if (typeof at === "number" && Number.isFinite(at) && typeof id === "string" && isJobId(id))
    return { at, id };
  throw invalidCursor();
}
