// Workers: who is there, what they do, and how to take them out of service.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { durationMs } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import { duration } from "../../shared/fields.ts";
import type { ControlRequest } from "../../shared/messages.ts";
import { specError } from "../../shared/spec.ts";
import type { WorkerView } from "../core/board.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readOptionalJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { releaseParams, workerParams } from "./ids.ts";
import { instant, iso } from "./job-view.ts";

const workerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    status: z
      .enum(["ready", "quarantined", "cordoned", "draining", "quiet", "gone"])
      .describe(
        "quarantined: it failed again and again for reasons of its own; quiet: unheard for longer than it should be; gone: its attempts are being settled.",
      ),
    cordoned: z.boolean(),
    draining: z.boolean(),
    labels: z.record(z.string(), z.string()),
    slots: z.object({ total: z.int(), used: z.int(), free: z.int() }),
    handlers: z.array(z.string()),
    running: z
      .array(z.object({ job: z.string(), attempt: z.int(), since: instant }))
      .describe("Attempts that it has been given and has not ended."),
    load: z.array(z.number()).describe("Load averages over one, five and fifteen minutes."),
    memory: z.object({ totalMb: z.number(), freeMb: z.number() }),
    pid: z.int(),
    startedAt: instant,
    uptimeS: z.number().describe("Of its machine, in seconds."),
    silentMs: z.number().describe("Since it was last heard of."),
    quarantine: z
      .object({
        since: instant,
        reason: z.string(),
        probes: z.int().describe("Probes that failed since."),
        probeAt: instant.describe("From then on it is given one job at a time."),
      })
      .optional()
      .describe("Why it gets nothing new, except for a probe now and then."),
  })
  .openapi("Worker");

const listRoute = createRoute({
  method: "get",
  path: "/v1/workers",
  summary: "List the workers",
  responses: {
    200: json("All workers.", z.object({ workers: z.array(workerSchema) })),
    ...problems(),
  },
});

const getRoute = createRoute({
  method: "get",
  path: "/v1/workers/{id}",
  summary: "Look at a worker",
  request: { params: workerParams },
  responses: { 200: json("The worker.", workerSchema), ...problems(404) },
});

const actionRoute = <A extends string>(action: A, summary: string) =>
  createRoute({
    method: "post",
    path: `/v1/workers/{id}/${action}` as const,
    summary,
    request: { params: workerParams },
    responses: { 202: json("The worker does so.", workerSchema), ...problems(404) },
  });

const cordonRoute = actionRoute("cordon", "Give the worker no new work");
const uncordonRoute = actionRoute("uncordon", "Give the worker work again");

const releaseRoute = createRoute({
  method: "post",
  path: "/v1/workers/{id}/release",
  summary: "End a worker's quarantine",
  description: "All workers of its name are given jobs again.",
  request: { params: releaseParams },
  responses: { 204: { description: "It is over." }, ...problems(404, 409, 507) },
});

const drainBody = z.strictObject({ timeout: duration().default("2m") });

const drainRoute = createRoute({
  ...actionRoute("drain", "Let the worker finish what it runs, then leave"),
  description:
    "What still runs after `timeout` (default 2m) is stopped and goes back to the queue.",
  request: {
    params: workerParams,
    body: jsonBody({ type: "object", properties: { timeout: { type: "string", example: "2m" } } }),
  },
  responses: { 202: json("The worker does so.", workerSchema), ...problems(404, 415, 422) },
});

export function createWorkerRoutes(deps: Pick<HttpDeps, "view" | "clock" | "control" | "release">) {
  const { view, clock, control, release } = deps;

  function find(id: string): WorkerView {
    const found = view.worker(id, clock.mono());
    if (found !== undefined) return found;
    throw new MillraceError("worker_not_found", `There is no worker ${id}; it may have left.`);
  }

  async function ask(id: string, request: ControlRequest): Promise<z.infer<typeof workerSchema>> {
    const found = find(id);
    const reply = await control(id, request);
    if (!reply.ok)
      throw new MillraceError("worker_unreachable", `Worker ${id} refused: ${reply.reason}`);
    const changes =
      request.type === "cordon"
        ? { cordoned: request.cordoned }
        : { cordoned: true, draining: true };
    return workerView({ ...found, beat: { ...found.beat, ...changes } });
  }

  return new OpenAPIHono<HttpEnv>()
    .openapi(listRoute, (c) => c.json({ workers: view.workers(clock.mono()).map(workerView) }, 200))
    .openapi(getRoute, (c) => c.json(workerView(find(c.req.valid("param").id)), 200))
    .openapi(cordonRoute, async (c) =>
      c.json(await ask(c.req.valid("param").id, { type: "cordon", cordoned: true }), 202),
    )
    .openapi(uncordonRoute, async (c) =>
      c.json(await ask(c.req.valid("param").id, { type: "cordon", cordoned: false }), 202),
    )
    .openapi(releaseRoute, async (c) => {
      await release(c.req.valid("param").id, c.get("caller").name);
      return c.body(null, 204);
    })
    .openapi(drainRoute, async (c) => {
      const parsed = drainBody.safeParse(await readOptionalJson(c));
      if (!parsed.success) throw specError(parsed.error);
      const timeoutMs = durationMs(parsed.data.timeout);
      return c.json(await ask(c.req.valid("param").id, { type: "drain", timeoutMs }), 202);
    });
}

function workerView({ beat, status, slots, running, silentMs, quarantine }: WorkerView) {
  const { id, name, version, cordoned, draining, labels, handlers } = beat;
  const { load, memory, pid, startedAt, uptimeS } = beat;
  return {
    id,
    name,
    version,
    status,
    cordoned,
    draining,
    labels: { ...labels },
    slots,
    handlers,
    running: running.map(({ job, attempt, at }) => ({ job, attempt, since: iso(at) })),
    load: [...load],
    memory,
    pid,
    startedAt: iso(startedAt),
    uptimeS,
    silentMs: Math.round(silentMs),
    ...(quarantine === undefined ? {} : { quarantine: quarantineView(quarantine) }),
  };
}

const quarantineView = ({
  since,
  reason,
  probes,
  probeAt,
}: NonNullable<WorkerView["quarantine"]>) => ({
  since: iso(since),
  reason,
  probes,
  probeAt: iso(probeAt),
});
