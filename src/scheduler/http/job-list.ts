// Lists jobs a page at a time, in the order and through the filters that were asked for.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { isJobId } from "../../shared/names.ts";
import type { Caller } from "../auth/caller.ts";
import type { JobView, ListQuery } from "../core/board.ts";
import { json, problems } from "./answers.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { listFilters, listQueryOf } from "./job-filters.ts";
import { jobSchema, jobView } from "./job-view.ts";
import { limitUpTo } from "./limit.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** How much of a listing is wanted. */
export const pageParameters = {
  limit: limitUpTo(MAX_LIMIT, DEFAULT_LIMIT),
  cursor: z.string().optional().describe("`next` of the page before, with the same filters."),
};

export const pageSchema = z.object({
  jobs: z.array(jobSchema),
  next: z.string().optional().describe("Cursor of the next page; absent on the last."),
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/jobs",
  summary: "List jobs, newest first",
  request: { query: z.strictObject({ ...listFilters, ...pageParameters }) },
  responses: { 200: json("One page.", pageSchema), ...problems() },
});

/** Reads one page of a listing; a cursor is good for the same question only, which `of` and the filters name. */
export function createJobPages({ store, view }: Pick<HttpDeps, "store" | "view">) {
  /** A job that was removed meanwhile is left out. */
  async function read(glimpse: JobView) {
    const found = await store.readNearby(glimpse.id, glimpse.seq);
    return found === undefined ? [] : [jobView(found.record, found.seq, glimpse)];
  }

  return async (
    of: string,
    filters: Omit<ListQuery, "limit" | "before">,
    { limit = DEFAULT_LIMIT, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  ): Promise<z.infer<typeof pageSchema>> => {
    const scope = `${of} ${JSON.stringify(filters)}`;
    const page = view.list({
      ...filters,
      ...(cursor === undefined ? {} : { before: placeOf(decodeCursor(scope, cursor)) }),
      limit,
    });
    const jobs = await Promise.all(page.jobs.map(read));
    const next = page.next === undefined ? undefined : encodeCursor(scope, page.next);
    return { jobs: jobs.flat(), next };
  };
}

export function createJobListRoutes(deps: Pick<HttpDeps, "store" | "view">) {
  const pages = createJobPages(deps);
  return new OpenAPIHono<HttpEnv>().openapi(listRoute, async (c) => {
    const { cursor, limit, ...filters } = c.req.valid("query");
    const query = { ...listQueryOf(filters), ...ownedBy(c.get("caller")) };
    return c.json(await pages("jobs", query, { limit, cursor }), 200);
  });
}

/** Tenants see their own. */
export const ownedBy = ({ namespace }: Caller): { namespace?: string } =>
  namespace === undefined ? {} : { namespace };

function placeOf(value: unknown): NonNullable<ListQuery["before"]> {
  const { at, id } = (value ?? {}) as { at?: unknown; id?: unknown };
  if (typeof at === "number" && Number.isFinite(at) && typeof id === "string" && isJobId(id))
    return { at, id };
  throw invalidCursor();
}
