// Answers for machines that watch this one: alive, ready, metrics.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { json } from "./answers.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";

const healthRoute = createRoute({
  method: "get",
  path: "/healthz",
  summary: "Alive",
  responses: { 200: json("This program answers.", z.object({ ok: z.literal(true) })) },
});

const readySchema = z.object({ ready: z.boolean(), broker: z.boolean() });

const readyRoute = createRoute({
  method: "get",
  path: "/readyz",
  summary: "Ready",
  responses: {
    200: json("It is connected and knows all jobs.", readySchema),
    503: json("Not now.", readySchema),
  },
});

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Metrics for Prometheus",
  responses: {
    200: { description: "The metrics.", content: { "text/plain": { schema: z.string() } } },
  },
});

export function createHealthRoutes(deps: Pick<HttpDeps, "ready" | "broker" | "metrics">) {
  const { ready, broker, metrics } = deps;
  return new OpenAPIHono<HttpEnv>()
    .openapi(healthRoute, (c) => c.json({ ok: true as const }, 200))
    .openapi(readyRoute, (c) => {
      const state = { ready: ready(), broker: broker.isUp() };
      return state.ready ? c.json(state, 200) : c.json(state, 503);
    })
    .openapi(metricsRoute, async (c) => c.text(await metrics(), 200));
}
