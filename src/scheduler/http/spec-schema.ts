// The schema of a job spec as the OpenAPI document shows it.
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";

import { definitionSchema } from "../../shared/definition.ts";
import { groupSpecSchema } from "../../shared/group.ts";
import { jobSpecSchema } from "../../shared/spec.ts";
import type { HttpEnv } from "./env.ts";

export const SPEC_REFERENCE = { $ref: "#/components/schemas/JobSpec" } as const;

export const GROUP_REFERENCE = { $ref: "#/components/schemas/GroupSpec" } as const;

export const DEFINITION_REFERENCE = { $ref: "#/components/schemas/Definition" } as const;

/** Adds the components that these references name. */
export function registerSpec(app: OpenAPIHono<HttpEnv>): void {
  const { $schema: _dialect, ...spec } = z.toJSONSchema(jobSpecSchema, { io: "input" });
  app.openAPIRegistry.registerComponent("schemas", "JobSpec", spec as { type: "object" });
  app.openAPIRegistry.registerComponent("schemas", "GroupSpec", componentOf(groupSpecSchema));
  app.openAPIRegistry.registerComponent("schemas", "Definition", componentOf(definitionSchema));
}

/** The schema of something that holds job specs. */
function componentOf(holder: z.ZodType) {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(holder, {
    io: "input",
    override({ zodSchema, jsonSchema }) {
      if ((zodSchema as unknown) !== jobSpecSchema) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, SPEC_REFERENCE);
    },
  });
  return schema as { type: "object" };
}
