// What a job's attempts left behind: listed, and one by one.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { MillraceError } from "../../shared/errors.ts";
import { artifactsOf } from "../files/job-artifacts.ts";
import { json, problems, valid } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { answerFile, OCTETS_TYPE } from "./file-answer.ts";
import { jobParams } from "./ids.ts";
import { readJob } from "./jobs.ts";

export const artifactSchema = z
  .object({
    path: z.string().describe("Relative to the attempt's work directory."),
    bytes: z.int(),
    digest: z.string().openapi({ example: `sha256:${"0".repeat(64)}` }),
    mode: z.int().describe("Permission bits."),
  })
  .openapi("Artifact");

const attemptQuery = z.strictObject({
  attempt: z
    .string()
    .regex(/^[1-9]\d{0,5}$/, "must be an attempt's number")
    .transform(Number)
    .optional()
    .openapi({ type: "integer", description: "Default: the newest that has ended." }),
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/artifacts",
  summary: "List what the job left behind",
  request: { params: jobParams, query: attemptQuery },
  responses: {
    200: json(
      "The artifacts of one attempt, sorted by path.",
      z.object({
        attempt: z.int().optional().describe("Absent while none has ended."),
        count: z.int(),
        bytes: z.int().describe("Of all together."),
        files: z.array(artifactSchema),
        note: z.string().optional().describe("What was left out, and why."),
      }),
    ),
    ...problems(404, 410),
  },
});

/** One parameter takes the rest of the path, which the OpenAPI library cannot say to the router. */
const FILE_PATH = "/v1/jobs/:id/artifacts/:path{.+}";
const fileDocument = {
  method: "get",
  path: "/v1/jobs/{id}/artifacts/{path}",
  summary: "Download an artifact",
  description: "`Range`, `If-Range` and `If-None-Match` work; the ETag is the content's digest.",
  request: {
    params: jobParams.extend({
      path: z.string().openapi({ example: "out/report.html" }),
    }),
    query: attemptQuery,
  },
  responses: {
    200: { description: "The file.", content: { [OCTETS_TYPE]: { schema: z.string() } } },
    206: { description: "The part asked for.", content: { [OCTETS_TYPE]: { schema: z.string() } } },
    304: { description: "It is still as `If-None-Match` says." },
    ...problems(404, 410, 416),
  },
} as const;

export function createArtifactRoutes(deps: HttpDeps) {
  const app = new OpenAPIHono<HttpEnv>();
  app.openAPIRegistry.registerPath(fileDocument);

  return app
    .openapi(listRoute, async (c) => {
      const { record } = await readJob(deps, c.req.valid("param").id);
      return c.json(await artifactsOf(deps.files, record, c.req.valid("query").attempt), 200);
    })
    .get(FILE_PATH, async (c) => {
      const { id, path } = valid("param", fileDocument.request.params, c.req.param());
      const { attempt } = valid("query", attemptQuery, c.req.query());
      const { record } = await readJob(deps, id);
      const { files } = await artifactsOf(deps.files, record, attempt);
      const found = files.find((file) => file.path === path);
      if (found === undefined)
        throw new MillraceError("file_not_found", `Job ${id} has no artifact ${path}.`);
      return answerFile(c, deps, { ...found, name: path.slice(path.lastIndexOf("/") + 1) });
    });
}
