// The HTTP facade put together.
import { setMaxListeners } from "node:events";

import { OpenAPIHono } from "@hono/zod-openapi";

import { refuseMisfits } from "./answers.ts";
import { createApiKeyRoutes } from "./api-keys.ts";
import { createArtifactRoutes } from "./artifacts.ts";
import { createAuditRoutes } from "./audit.ts";
import { createEnrolmentRoutes } from "./auth-enrolments.ts";
import { createAuth } from "./auth.ts";
import { createBatchRoutes } from "./batch.ts";
import { createBundleRoutes } from "./bundles.ts";
import { createCalendarRoutes } from "./calendars.ts";
import { guardBroker } from "./broker-guard.ts";
import type { HttpDeps } from "./deps.ts";
import { createDefinitionRunRoutes } from "./definition-runs.ts";
import { createDefinitionRoutes } from "./definitions.ts";
import { createDeadLetterRoutes } from "./dead-letters.ts";
import { addDocs } from "./docs.ts";
import type { HttpEnv } from "./env.ts";
import { createEventRoutes } from "./events.ts";
import { createGate } from "./gate.ts";
import { createGroupListRoutes } from "./group-list.ts";
import { createGroupRoutes } from "./groups.ts";
import { createHealthRoutes } from "./health.ts";
import { createJobActionRoutes } from "./job-actions.ts";
import { createJobEventRoutes } from "./job-events.ts";
import { createJobListRoutes } from "./job-list.ts";
import { createJobRoutes } from "./jobs.ts";
import { createLogRoutes } from "./logs.ts";
import { createNoRouteHandler } from "./no-route.ts";
import { createErrorHandler } from "./problem.ts";
import { createQueueRoutes } from "./queues.ts";
import { createScheduleActionRoutes } from "./schedule-actions.ts";
import { registerSchedules } from "./schedule-schema.ts";
import { createScheduleRoutes } from "./schedules.ts";
import { createRouter } from "./router.ts";
import { createReservationRoutes } from "./reservations.ts";
import { registerSpec } from "./spec-schema.ts";
import { createStatsRoutes } from "./stats.ts";
import { createValueRoutes } from "./values.ts";
import { createWebhookRoutes } from "./webhooks.ts";
import { createWhyRoutes } from "./why.ts";
import { createWorkerRoutes } from "./workers.ts";

/** The type of the app's routes, for hono's typed client. */
export type Api = ReturnType<typeof createApp>;

export function createApp(given: HttpDeps) {
  const deps: HttpDeps = { ...given, ...guardBroker(given) };
  // every waiting request listens to it
  setMaxListeners(0, deps.closing);
  const app = new OpenAPIHono<HttpEnv>({ defaultHook: refuseMisfits, router: createRouter() });
  app.use(createGate(deps));
  app.use(createAuth(deps));
  app.onError(createErrorHandler(deps.log));
  app.notFound(createNoRouteHandler(app));
  registerSpec(app);
  registerSchedules(app);
  const routes = app
    .route("/", createJobRoutes(deps))
    .route("/", createBatchRoutes(deps))
    .route("/", createJobListRoutes(deps))
    .route("/", createJobActionRoutes(deps))
    .route("/", createJobEventRoutes(deps))
    .route("/", createGroupRoutes(deps))
    .route("/", createGroupListRoutes(deps))
    .route("/", createDefinitionRoutes(deps))
    .route("/", createDefinitionRunRoutes(deps))
    .route("/", createLogRoutes(deps))
    .route("/", createArtifactRoutes(deps))
    .route("/", createValueRoutes(deps))
    .route("/", createWhyRoutes(deps))
    .route("/", createWorkerRoutes(deps))
    .route("/", createBundleRoutes(deps))
    .route("/", createQueueRoutes(deps))
    .route("/", createDeadLetterRoutes(deps))
    .route("/", createScheduleRoutes(deps))
    .route("/", createScheduleActionRoutes(deps))
    .route("/", createCalendarRoutes(deps))
    .route("/", createStatsRoutes(deps))
    .route("/", createWebhookRoutes(deps))
    .route("/", createReservationRoutes(deps))
    .route("/", createEventRoutes(deps))
    .route("/", createApiKeyRoutes(deps))
    .route("/", createEnrolmentRoutes(deps))
    .route("/", createAuditRoutes(deps))
    .route("/", createHealthRoutes(deps));
  addDocs(app);
  return routes;
}
