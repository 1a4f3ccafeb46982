// The whole installation in a few numbers.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { JOB_STATES } from "../../shared/job.ts";
import { json, problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";

const statsSchema = z
  .object({
    jobs: z.record(z.enum(JOB_STATES), z.int()).describe("Jobs per state."),
    workers: z.int(),
    slots: z.object({ total: z.int(), used: z.int() }),
    leader: z
      .object({
        scheduler: z.string(),
        epoch: z.int(),
        since: instant,
        url: z.string().optional(),
      })
      .optional()
      .describe("The scheduler that places jobs; absent while there is none."),
  })
  .openapi("Stats");

const statsRoute = createRoute({
  method: "get",
  path: "/v1/stats",
  summary: "Totals",
  responses: { 200: json("The totals.", statsSchema), ...problems() },
});

export function createStatsRoutes({ view, leader }: Pick<HttpDeps, "view" | "leader">) {
  return new OpenAPIHono<HttpEnv>().openapi(statsRoute, (c) =>
    c.json({ ...view.stats(), leader: leaderView(leader()) }, 200),
  );
}

function leaderView(lease: ReturnType<HttpDeps["leader"]>) {
  if (lease === undefined) return undefined;
  const { scheduler, epoch, since, url } = lease;
  return { scheduler, epoch, since: iso(since), url };
}
