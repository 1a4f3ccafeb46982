// Dead letters: jobs that failed for good, and running them again: one, some or all.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { isJobId } from "../../shared/names.ts";
import { specError } from "../../shared/spec.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import { createJobActions } from "./cancel-retry.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { labelParameter, listFilters, listQueryOf, nameText } from "./job-filters.ts";
import { createJobPages, ownedBy, pageParameters, pageSchema } from "./job-list.ts";
import { createReviver, MOST_AT_ONCE } from "./reviver.ts";

const { queue, definition, handler, label } = listFilters;
const filters = { queue, definition, handler, label };

const listRoute = createRoute({
  method: "get",
  path: "/v1/dead-letters",
  summary: "List jobs that failed for good, newest first",
  description: "Each stays until its retention ends or somebody runs it again or removes it.",
  request: { query: z.strictObject({ ...filters, ...pageParameters }) },
  responses: { 200: json("One page.", pageSchema), ...problems() },
});

const wanted = z
  .strictObject({
    ids: z
      .array(z.string().refine(isJobId, "must be a job id"))
      .min(1)
      .max(MOST_AT_ONCE)
      .optional(),
    filter: z
      .strictObject({
        queue: nameText.optional(),
        definition: nameText.optional(),
        handler: nameText.optional(),
        label: labelParameter,
      })
      .optional(),
  })
  .refine((body) => (body.ids === undefined) !== (body.filter === undefined), {
    message: "give ids or filter; an empty filter means all",
    path: ["ids"],
  });

const text = { type: "string" };

const retryRoute = createRoute({
  method: "post",
  path: "/v1/dead-letters/retry",
  summary: "Run failed jobs again",
  description: `Up to ${MOST_AT_ONCE} at once: those with these ids, or the newest that pass the filter. Ask again while there are \`more\`.`,
  request: {
    body: {
      ...jsonBody({
        type: "object",
        properties: {
          ids: { type: "array", minItems: 1, maxItems: MOST_AT_ONCE, items: text },
          filter: {
            type: "object",
            properties: { queue: text, definition: text, handler: text, label: text },
          },
        },
      }),
      required: true,
    },
  },
  responses: {
    202: json(
      "Those in `retried` are queued again.",
      z.object({
        retried: z.array(z.string()).describe("Their ids."),
        refused: z
          .array(z.object({ id: z.string(), code: z.string() }))
          .describe("Those that are gone or have not failed, and why."),
        more: z.boolean().describe("Further jobs pass the filter."),
      }),
    ),
    ...problems(413, 415, 422, 507),
  },
});

export function createDeadLetterRoutes(
  deps: Pick<HttpDeps, "store" | "view" | "clock" | "reservations">,
) {
  const pages = createJobPages(deps);
  const revive = createReviver({ ...deps, actions: createJobActions(deps) });

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, async (c) => {
      const { cursor, limit, ...chosen } = c.req.valid("query");
      const query = {
        ...listQueryOf(chosen),
        ...ownedBy(c.get("caller")),
        state: "failed" as const,
      };
      return c.json(await pages("dead-letters", query, { limit, cursor }), 200);
    })
    .openapi(retryRoute, async (c) => {
      const parsed = wanted.safeParse(await readJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { ids, filter = {} } = parsed.data;
      const caller = c.get("caller");
      const page = deps.view.list({
        ...listQueryOf(filter),
        ...ownedBy(caller),
        state: "failed",
        limit: MOST_AT_ONCE,
      });
      const chosen = ids ?? page.jobs.map(({ id }) => id);
      const fates = await revive(chosen, caller);
      return c.json({ ...fates, more: ids === undefined && page.next !== undefined }, 202);
    });
}
