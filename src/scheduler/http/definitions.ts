// Definitions: store one, look at it, remove it. Changes name what they expect to find by its ETag.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";

import { parseDefinition } from "../../shared/definition.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Entry, Expected } from "../definitions/definition-desk.ts";
import { noDefinition } from "../definitions/start-run.ts";
import { createStatistics } from "../definitions/statistics.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import {
  definitionDetailSchema,
  definitionTag,
  definitionView,
  definitionViewSchema,
  statisticsView,
} from "./definition-view.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { definitionParams } from "./ids.ts";
import { DEFINITION_REFERENCE } from "./spec-schema.ts";

const conditions = [
  {
    in: "header",
    name: "If-Match",
    description: "The ETag that it must still have.",
    schema: { type: "string" },
  },
  {
    in: "header",
    name: "If-None-Match",
    description: "`*`: there must be none yet.",
    schema: { type: "string" },
  },
] as const;

const listRoute = createRoute({
  method: "get",
  path: "/v1/definitions",
  summary: "List the definitions",
  responses: {
    200: json("All of them.", z.object({ definitions: z.array(definitionViewSchema) })),
    ...problems(),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/definitions/{name}",
  summary: "Look at a definition, its newest and next run and its statistics",
  request: { params: definitionParams },
  responses: { 200: json("The definition.", definitionDetailSchema), ...problems(404) },
});

const putRoute = createRoute({
  method: "put",
  path: "/v1/definitions/{name}",
  summary: "Store a definition",
  description: "Replaces it as a whole. One that says the same keeps its version.",
  parameters: [...conditions],
  request: {
    params: definitionParams,
    body: { ...jsonBody(DEFINITION_REFERENCE), required: true },
  },
  responses: {
    200: json("It was there before.", definitionViewSchema),
    201: json("It is new.", definitionViewSchema),
    ...problems(409, 412, 413, 415, 422, 507),
  },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/definitions/{name}",
  summary: "Remove a definition",
  description: "Its runs go on, and their history stays for as long as they are kept.",
  parameters: [conditions[0]],
  request: { params: definitionParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 412, 507) },
});

export function createDefinitionRoutes({ definitions, clock }: HttpDeps) {
  const { desk, shelf, runs, nextRunAt } = definitions;
  const show = (entry: Entry) =>
    definitionView(entry, runs.newest(entry.name), nextRunAt(entry.name));

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => c.json({ definitions: shelf.entries().map(show) }, 200))
    .openapi(getRoute, async (c) => {
      const { name } = c.req.valid("param");
      const entry = await desk.read(name);
      if (entry === undefined) throw noDefinition(name);
      c.header("ETag", definitionTag(entry.revision));
      const statistics = runs.statistics(name) ?? createStatistics();
      return c.json({ ...show(entry), statistics: statisticsView(statistics, clock.now()) }, 200);
    })
    .openapi(putRoute, async (c) => {
      const { name } = c.req.valid("param");
      const expected = expectedBy(c);
      const definition = parseDefinition(await readJson(c));
      const { entry, what } = await desk.put(name, definition, c.get("caller").name, expected);
      c.header("ETag", definitionTag(entry.revision));
      return c.json(show(entry), what === "created" ? 201 : 200);
    })
    .openapi(deleteRoute, async (c) => {
      const { name } = c.req.valid("param");
      await desk.remove(name, c.get("caller").name, expectedBy(c));
      return c.body(null, 204);
    });
}

/** The revision in the request's conditions; throws `invalid_header` for what is no ETag of a definition. */
function expectedBy(c: Context): Expected {
  const match = c.req.header("if-match");
  const none = c.req.header("if-none-match");
  if (none === "*" && match === undefined) return 0;
  const revision = match === undefined ? undefined : /^(?:W\/)?"(\d{1,15})"$/.exec(match)?.[1];
  if (none === undefined && (match === undefined || revision !== undefined))
    return revision === undefined ? undefined : Number(revision);
  throw new MillraceError(
    "invalid_header",
    "Give If-Match with the ETag of the definition, or If-None-Match: *, or neither.",
    { field: none === undefined ? "If-Match" : "If-None-Match" },
  );
}
