// Lists groups newest first, and the jobs of one, a page at a time.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { GROUP_STATES } from "../../shared/group.ts";
import { noGroup } from "../../shared/io/group-store.ts";
import { JOB_STATES } from "../../shared/job.ts";
import { isJobId, isName } from "../../shared/names.ts";
import type { Child, KnownGroup } from "../groups/group-index.ts";
import { selectPage } from "../groups/select-page.ts";
import { json, problems } from "./answers.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { groupSchema, groupView } from "./group-view.ts";
import { groupParams } from "./ids.ts";
import { jobSchema, jobView } from "./job-view.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

const nameText = z.string().refine(isName, "must be a name: letters, digits, - and _");
const paging = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT)
    .openapi({ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
  cursor: z.string().optional().describe("`next` of the page before, with the same filters."),
};
const next = z.string().optional().describe("Cursor of the next page; absent on the last.");

const listQuery = z.strictObject({
  state: z.enum(GROUP_STATES).optional(),
  name: nameText.optional(),
  definition: nameText.optional().describe("Only runs of this definition."),
  ...paging,
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/groups",
  summary: "List groups, newest first",
  request: { query: listQuery },
  responses: {
    200: json("One page.", z.object({ groups: z.array(groupSchema), next })),
    ...problems(),
  },
});

const jobsQuery = z.strictObject({
  member: nameText.optional(),
  state: z.enum(JOB_STATES).optional(),
  ...paging,
});

const jobsRoute = createRoute({
  method: "get",
  path: "/v1/groups/{id}/jobs",
  summary: "List the jobs of a group",
  description: "Member by member as the group names them, each in the order of its indexes.",
  request: { params: groupParams, query: jobsQuery },
  responses: {
    200: json(
      "One page.",
      z.object({
        jobs: z.array(z.object({ member: z.string(), index: z.int(), job: jobSchema })),
        next,
      }),
    ),
    ...problems(404),
  },
});

export function createGroupListRoutes({ groups, store, view }: HttpDeps) {
  const { index } = groups;

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => {
      const { state, name, definition, limit, cursor } = c.req.valid("query");
      const scope = `groups ${JSON.stringify([state, name, definition])}`;
      const { namespace } = c.get("caller");
      const after = cursor === undefined ? undefined : placeIn(decodeCursor(scope, cursor));
      const answers = ({ record }: KnownGroup) =>
        (namespace === undefined || record.origin?.namespace === namespace) &&
        (state === undefined || record.state === state) &&
        (name === undefined || record.spec.name === name) &&
        (definition === undefined || record.origin?.definition?.name === definition);
      const { page, more } = selectPage<KnownGroup>([...index.known()].toReversed(), {
        compare: newestFirst,
        isBehind: (known) =>
          answers(known) && (after === undefined || newestFirst(known, after) > 0),
        limit,
      });
      const last = more ? page.at(-1)?.record : undefined;
      return c.json(
        {
          groups: page.map(({ record }) => groupView(record, index)),
          next: last && encodeCursor(scope, [last.submittedAt, last.id]),
        },
        200,
      );
    })
    .openapi(jobsRoute, async (c) => {
      const { id } = c.req.valid("param");
      const { member, state, limit, cursor } = c.req.valid("query");
      const { namespace } = c.get("caller");
      const { record } = await groups.read(id);
      if (namespace !== undefined && record.origin?.namespace !== namespace) throw noGroup(id);
      const order = new Map(record.spec.members.map(({ name }, place) => [name, place]));
      const rank = (child: Pick<Child, "member">) => order.get(child.member) ?? 0;
      const compare = (a: Pick<Child, "member" | "index">, b: typeof a) =>
        rank(a) - rank(b) || a.index - b.index;
      const scope = `group ${JSON.stringify([id, member, state])}`;
      const after = cursor === undefined ? undefined : childPlace(decodeCursor(scope, cursor));
      const { page, more } = selectPage<Child>(index.children(id), {
        compare,
        isBehind: (child) =>
          (member === undefined || child.member === member) &&
          (state === undefined || child.state === state) &&
          (after === undefined || compare(child, after) > 0),
        limit,
      });
      const jobs = await Promise.all(
        page.map(async ({ job, member: of, index: place }) => {
          const found = await store.read(job);
          if (found === undefined) return [];
          return [
            { member: of, index: place, job: jobView(found.record, found.seq, view.get(job)) },
          ];
        }),
      );
      const last = more ? page.at(-1) : undefined;
      return c.json(
        { jobs: jobs.flat(), next: last && encodeCursor(scope, [last.member, last.index]) },
        200,
      );
    });
}

type Placed = { record: { submittedAt: number; id: string } };

const newestFirst = ({ record: a }: Placed, { record: b }: Placed): number =>
  b.submittedAt - a.submittedAt || (a.id < b.id ? 1 : -1);

function placeIn(value: unknown): Placed {
  const [submittedAt, id] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof submittedAt === "number" && typeof id === "string" && isJobId(id))
    return { record: { submittedAt, id } };
  throw invalidCursor();
}

function childPlace(value: unknown): { member: string; index: number } {
  const [member, index] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof member === "string" && typeof index === "number") return { member, index };
  throw invalidCursor();
}
