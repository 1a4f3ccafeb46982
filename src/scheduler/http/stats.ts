// The whole installation in a few numbers, now and over the last hour and day.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { JOB_STATES } from "../../shared/job.ts";
import type { Span } from "../core/board.ts";
import { json, problems } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";

const depth = z.record(z.enum(JOB_STATES), z.int()).describe("Jobs per state.");

const spanSchema = z
  .object({
    at: instant.describe("Its beginning."),
    submitted: z.int(),
    started: z.int().describe("Attempts."),
    succeeded: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    expired: z.int(),
    wait: z
      .object({ averageMs: z.int(), p50Ms: z.int(), p95Ms: z.int(), maxMs: z.int() })
      .optional()
      .describe(
        "From the instant they could start to their start; absent when nothing started. Percentiles are at most a fifth too large.",
      ),
  })
  .openapi("StatsSpan");

const statsSchema = z
  .object({
    jobs: depth,
    queues: z.array(
      z.object({
        name: z.string(),
        depth,
        oldestAt: instant.optional().describe("Submit of the oldest job that could start now."),
      }),
    ),
    workers: z.int(),
    workersBy: z
      .record(z.enum(["ready", "quarantined", "cordoned", "draining", "quiet", "gone"]), z.int())
      .describe("Workers per status."),
    slots: z.object({ total: z.int(), used: z.int() }),
    minutes: z.array(spanSchema).describe("The last hour, oldest first; the last is not over yet."),
    hours: z.array(spanSchema).describe("The last day, likewise."),
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
  summary: "Totals, queues, workers, throughput and waits",
  description:
    "Counted as things happen, never by going through the jobs. A scheduler that starts counts what the records still say.",
  responses: { 200: json("The totals.", statsSchema), ...problems() },
});

export function createStatsRoutes({
  view,
  leader,
  clock,
}: Pick<HttpDeps, "view" | "leader" | "clock">) {
  return new OpenAPIHono<HttpEnv>().openapi(statsRoute, (c) => {
    const { minutes, hours } = view.series(clock.now());
    const queues = view.queues().map(({ name, depth: of, oldestAt }) => ({
      name,
      depth: of,
      ...(oldestAt === undefined ? {} : { oldestAt: iso(oldestAt) }),
    }));
    return c.json(
      {
        ...view.stats(),
        workersBy: statuses(view, clock),
        queues,
        minutes: minutes.map(spanView),
        hours: hours.map(spanView),
        leader: leaderView(leader()),
      },
      200,
    );
  });
}

function statuses(view: HttpDeps["view"], clock: HttpDeps["clock"]) {
  const counts = { ready: 0, quarantined: 0, cordoned: 0, draining: 0, quiet: 0, gone: 0 };
  for (const { status } of view.workers(clock.mono())) counts[status] += 1;
  return counts;
}

const spanView = ({ at, ...span }: Span) => ({ at: iso(at), ...span });

function leaderView(lease: ReturnType<HttpDeps["leader"]>) {
  if (lease === undefined) return undefined;
  const { scheduler, epoch, since, url } = lease;
  return { scheduler, epoch, since: iso(since), url };
}
