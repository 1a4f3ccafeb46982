// The schema of a job spec as the OpenAPI document shows it.
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";

import { jobSpecSchema } from "../../shared/spec.ts";
import type { HttpEnv } from "./env.ts";

export const SPEC_REFERENCE = { $ref: "#/components/schemas/JobSpec" } as const;

/** Adds the component that `SPEC_REFERENCE` names. Any JSON may be a handler's input, which the generator cannot say by itself. */
export function registerSpec(app: OpenAPIHono<HttpEnv>): void {
  const {
    $schema: _dialect,
    $defs: _anyJson,
    properties,
    ...schema
  } = z.toJSONSchema(jobSpecSchema, { io: "input" });
  const input = { description: "What the handler gets: any JSON." };
  app.openAPIRegistry.registerComponent("schemas", "JobSpec", {
    ...schema,
    properties: { ...properties, input },
  } as { type: "object" });
}
