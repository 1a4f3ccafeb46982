// Runs of definitions: start one, search what has run, remove old ones from the history.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { derivedId } from "../../shared/derived-id.ts";
import { anyJson, labelKey, text } from "../../shared/fields.ts";
import { specError } from "../../shared/spec.ts";
import type { Run } from "../definitions/run-index.ts";
import { searchRuns, RUN_SORTS } from "../definitions/search-runs.ts";
import { RUN_STATES } from "../definitions/run-index.ts";
import { fingerprintOf } from "../submission/idempotency.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readOptionalJson } from "./body.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import { runSchema, runView } from "./definition-view.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { readKey } from "./idempotency-key.ts";
import { definitionParams } from "./ids.ts";
import { labelParameter, listFilters } from "./job-filters.ts";
import { keyParameter } from "./jobs.ts";
import { ownName } from "./own.ts";

const MAX_LIMIT = 200;

const startBody = z.strictObject({
  params: z.record(z.string(), anyJson).default({}),
  test: z.boolean().default(false),
  labels: z.record(labelKey, text(256)).optional(),
});

const startedSchema = z.object({
  id: z.string(),
  kind: z.enum(["job", "group"]),
  version: z.int(),
});

const startRoute = createRoute({
  method: "post",
  path: "/v1/definitions/{name}/runs",
  summary: "Run a definition",
  description:
    "`test` replaces every job by a stub that says what it would run. With an Idempotency-Key a repeated request is the same run, whatever became of the definition since.",
  parameters: [keyParameter],
  request: {
    params: definitionParams,
    body: jsonBody({
      type: "object",
      properties: {
        params: { type: "object" },
        test: { type: "boolean" },
        labels: { type: "object", additionalProperties: { type: "string" } },
      },
    }),
  },
  responses: {
    200: json("Another job stands for its unique key: `Unique-Existing: true`.", startedSchema),
    202: json("The run is stored.", startedSchema),
    ...problems(404, 409, 413, 415, 422, 429, 507),
  },
});

const searchQuery = z.strictObject({
  state: z.enum(RUN_STATES).optional(),
  from: listFilters.from,
  to: listFilters.to,
  exitCode: listFilters.exitCode,
  label: labelParameter,
  worker: z.string().max(80).optional().describe("A worker's name or id that had a part in it."),
  sort: z
    .enum(RUN_SORTS)
    .default("-submitted")
    .describe("What comes first; `-` turns it round. Runs without an end come last."),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(50)
    .openapi({ type: "integer", minimum: 1, maximum: MAX_LIMIT, default: 50 }),
  cursor: z.string().optional().describe("`next` of the page before, with the same filters."),
});

const searchRoute = createRoute({
  method: "get",
  path: "/v1/definitions/{name}/runs",
  summary: "Search the runs of a definition",
  request: { params: definitionParams, query: searchQuery },
  responses: {
    200: json(
      "One page.",
      z.object({
        runs: z.array(runSchema),
        next: z.string().optional().describe("Cursor of the next page; absent on the last."),
      }),
    ),
    ...problems(),
  },
});

const purgeQuery = z.strictObject({
  before: listFilters.to,
  state: z.enum(RUN_STATES).optional(),
});

const purgeRoute = createRoute({
  method: "delete",
  path: "/v1/definitions/{name}/runs",
  summary: "Remove finished runs from the history",
  description: "Up to 1,000 at once, the oldest first; one that is not over is never removed.",
  request: { params: definitionParams, query: purgeQuery },
  responses: {
    200: json("Done.", z.object({ removed: z.int(), more: z.boolean() })),
    ...problems(507),
  },
});

export function createDefinitionRunRoutes(deps: HttpDeps) {
  const { definitions, newJobId, broker, view } = deps;
  const { runs, start, purge } = definitions;
  const show = (run: Run) =>
    runView(run, run.kind === "job" ? (view.get(run.id)?.state ?? run.state) : run.state);

  return new OpenAPIHono<HttpEnv>()
    .openapi(startRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const key = readKey(c.req.header("idempotency-key"));
      const parsed = startBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const { params, test, labels } = parsed.data;
      const under =
        key === undefined
          ? { id: newJobId() }
          : {
              id: derivedId(broker.subjects.prefix, "run", name, key),
              fingerprint: fingerprintOf(parsed.data),
            };
      const { existing, replayed, ...started } = await start(name, {
        ...under,
        parameters: params,
        test,
        labels,
        actor: c.get("caller").name,
      });
      c.header("Location", `/v1/${started.kind}s/${started.id}`);
      if (replayed) c.header("Idempotent-Replayed", "true");
      if (existing === undefined) return c.json(started, 202);
      c.header("Unique-Existing", "true");
      return c.json(started, 200);
    })
    .openapi(searchRoute, (c) => {
      const name = ownName(c, c.req.valid("param"));
      const { cursor, limit, ...filters } = c.req.valid("query");
      const scope = `runs ${name} ${JSON.stringify(filters)}`;
      const after = cursor === undefined ? undefined : placeIn(decodeCursor(scope, cursor));
      const { page, more } = searchRuns(runs.runs(name), { ...filters, after, limit });
      const last = more ? page.at(-1) : undefined;
      return c.json(
        { runs: page.map(show), next: last && encodeCursor(scope, [last.place, last.id]) },
        200,
      );
    })
    .openapi(purgeRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      return c.json(await purge(name, c.req.valid("query")), 200);
    });
}

function placeIn(value: unknown): { place: number; id: string } {
  const [place, id] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof place === "number" && typeof id === "string") return { place, id };
  throw invalidCursor();
}
