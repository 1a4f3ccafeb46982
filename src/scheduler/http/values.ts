// The values of a job that are too large to be shown with it.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { MillraceError } from "../../shared/errors.ts";
import { LARGE_PARTS } from "../../shared/reference.ts";
import { problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { answerFile, OCTETS_TYPE } from "./file-answer.ts";
import { jobParams } from "./ids.ts";
import { readJob } from "./jobs.ts";

const valueRoute = createRoute({
  method: "get",
  path: "/v1/jobs/{id}/values/{part}",
  summary: "Download a large value of a job",
  description:
    "One that the job's `large` names: standard input as it is, the others as JSON. `Range` works.",
  request: { params: jobParams.extend({ part: z.enum(LARGE_PARTS) }) },
  responses: {
    200: { description: "The value.", content: { [OCTETS_TYPE]: { schema: z.string() } } },
    206: { description: "The part asked for.", content: { [OCTETS_TYPE]: { schema: z.string() } } },
    304: { description: "It is still as `If-None-Match` says." },
    ...problems(404, 410, 416),
  },
});

export function createValueRoutes(deps: HttpDeps) {
  return new OpenAPIHono<HttpEnv>().openapi(valueRoute, async (c) => {
    const { id, part } = c.req.valid("param");
    const { record } = await readJob(deps, id);
    const reference = record.references?.[part];
    if (reference === undefined)
      throw new MillraceError(
        "file_not_found",
        `Job ${id} has no large ${part}: what it has is shown with the job.`,
      );
    return answerFile(c, deps, { ...reference, name: `${id}.${part}` });
  });
}
