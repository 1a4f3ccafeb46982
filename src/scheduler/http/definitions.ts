// Definitions: store one, look at it, remove it. Changes name what they expect to find by its ETag.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { parseDefinition } from "../../shared/definition.ts";
import type { Entry } from "../definitions/definition-desk.ts";
import { noDefinition } from "../definitions/start-run.ts";
import { createStatistics } from "../definitions/statistics.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import { conditionParameters, expectedBy, tagOf } from "./conditions.ts";
import {
  definitionDetailSchema,
  definitionView,
  definitionViewSchema,
  statisticsView,
} from "./definition-view.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { definitionParams } from "./ids.ts";
import { isOwn, ownName } from "./own.ts";
import { DEFINITION_REFERENCE } from "./spec-schema.ts";

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
  parameters: [...conditionParameters],
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
  parameters: [conditionParameters[0]],
  request: { params: definitionParams },
  responses: { 204: { description: "It is gone." }, ...problems(404, 412, 507) },
});

export function createDefinitionRoutes({ definitions, clock }: HttpDeps) {
  const { desk, shelf, runs, nextRunAt } = definitions;
  const show = (entry: Entry) =>
    definitionView(entry, runs.newest(entry.name), nextRunAt(entry.name));

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) =>
      c.json(
        {
          definitions: shelf
            .entries()
            .filter((entry) => isOwn(c, entry))
            .map(show),
        },
        200,
      ),
    )
    .openapi(getRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const entry = await desk.read(name);
      if (entry === undefined) throw noDefinition(name);
      c.header("ETag", tagOf(entry.revision));
      const statistics = runs.statistics(name) ?? createStatistics();
      return c.json({ ...show(entry), statistics: statisticsView(statistics, clock.now()) }, 200);
    })
    .openapi(putRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      const expected = expectedBy(c);
      const definition = parseDefinition(await readJson(c));
      const { entry, what } = await desk.put(name, definition, c.get("caller").name, expected);
      c.header("ETag", tagOf(entry.revision));
      return c.json(show(entry), what === "created" ? 201 : 200);
    })
    .openapi(deleteRoute, async (c) => {
      const name = ownName(c, c.req.valid("param"));
      await desk.remove(name, c.get("caller").name, expectedBy(c));
      return c.body(null, 204);
    });
}
