// Who changed what: the audit, newest first.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import type { AuditPage } from "../auth/audit.ts";
import { json, problems } from "./answers.ts";
import { decodeCursor, encodeCursor, invalidCursor } from "./cursor.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";
import { limitUpTo } from "./limit.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
const CURSOR = "audit";

const entrySchema = z
  .object({
    at: instant,
    actor: z.string(),
    by: z.string().describe("How the actor was known: token, key, certificate or open."),
    namespace: z.string().optional(),
    route: z.string().openapi({ example: "POST /v1/jobs/:id/cancel" }),
    path: z.string(),
    status: z.int().describe("What was answered."),
    from: z.string().describe("Address of the caller, or of the proxy before it."),
    requestId: z.string(),
  })
  .openapi("AuditEntry");

const auditRoute = createRoute({
  method: "get",
  path: "/v1/audit",
  summary: "Who changed what",
  description:
    "Every change but submits, whose records name their submitter; refused ones too. Kept for 30 days.",
  request: {
    query: z.strictObject({
      limit: limitUpTo(MAX_LIMIT, DEFAULT_LIMIT),
      cursor: z.string().optional().describe("`next` of the page before."),
    }),
  },
  responses: {
    200: json(
      "Newest first.",
      z.object({ entries: z.array(entrySchema), next: z.string().optional() }),
    ),
    ...problems(401, 403),
  },
});

export function createAuditRoutes({ auth }: Pick<HttpDeps, "auth">) {
  return new OpenAPIHono<HttpEnv>().openapi(auditRoute, async (c) => {
    const { limit = DEFAULT_LIMIT, cursor } = c.req.valid("query");
    const page = await auth.audit.read({
      limit,
      ...(cursor === undefined ? {} : { before: sequenceOf(decodeCursor(CURSOR, cursor)) }),
    });
    const next = page.before === undefined ? undefined : encodeCursor(CURSOR, page.before);
    return c.json({ entries: page.entries.map(entryView), next }, 200);
  });
}

function sequenceOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw invalidCursor();
}

function entryView({ happening: { at, actor, detail } }: AuditPage["entries"][number]) {
  return {
    ...(detail as Omit<z.infer<typeof entrySchema>, "at" | "actor">),
    at: iso(at),
    actor: actor ?? "",
  };
}
