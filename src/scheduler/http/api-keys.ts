// API keys: made and shown once, listed without their secrets, revoked.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";

import { MillraceError } from "../../shared/errors.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import { deferred, pause } from "../../shared/io/lifecycle.ts";
import { isKeyId, mintKey, type ApiKey } from "../auth/api-key.ts";
import type { Caller } from "../auth/caller.ts";
import { requestedKey } from "../auth/key-request.ts";
import { ROLE_NAMES, SCOPES } from "../auth/scopes.ts";
import type { Shelf } from "../config-book.ts";
import { json, jsonBody, problems } from "./answers.ts";
import { readJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";
import { instant, iso } from "./job-view.ts";

/** The feed may be behind; it tells in the end. */
const HEARD_MS = 2_000;

export type KeyDeps = { store: ConfigStore<ApiKey>; shelf: Shelf<ApiKey> };

const keySchema = z
  .object({
    id: z.string(),
    name: z.string().describe("Whom it stands for, in timelines and in the audit."),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    namespace: z.string().optional(),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.optional(),
  })
  .openapi("ApiKey");

const createKeyRoute = createRoute({
  method: "post",
  path: "/v1/api-keys",
  summary: "Make an API key",
  description: "`key` is shown this once. Nobody can give more than they have.",
  request: {
    body: {
      ...jsonBody({
        type: "object",
        properties: {
          name: { type: "string" },
          roles: { type: "array", items: { type: "string", enum: ROLE_NAMES } },
          scopes: { type: "array", items: { type: "string", enum: SCOPES } },
          namespace: { type: "string" },
          expires: { type: "string", example: "90d" },
        },
      }),
      required: true,
    },
  },
  responses: {
    201: json("The key.", keySchema.extend({ key: z.string() })),
    ...problems(401, 403, 413, 415, 422, 507),
  },
});

const listKeysRoute = createRoute({
  method: "get",
  path: "/v1/api-keys",
  summary: "List the API keys",
  responses: {
    200: json("Without their secrets.", z.object({ keys: z.array(keySchema) })),
    ...problems(401, 403),
  },
});

const revokeRoute = createRoute({
  method: "delete",
  path: "/v1/api-keys/{id}",
  summary: "Revoke an API key",
  request: {
    params: z.object({
      id: z.string().refine(isKeyId, "must be the id of a key, as it is listed"),
    }),
  },
  responses: {
    204: { description: "It opens nothing any more." },
    ...problems(401, 403, 404, 507),
  },
});

export function createApiKeyRoutes({ keys, clock }: Pick<HttpDeps, "keys" | "clock">) {
  const { store, shelf } = keys;

  return new OpenAPIHono<HttpEnv>()
    .openapi(createKeyRoute, async (c) => {
      const minted = mintKey();
      const record = requestedKey(await readJson(c), c.get("caller"), minted.hash, clock.now());
      const revision = await store.put(minted.id, record, 0);
      await heard(shelf, minted.id, (stored) => (stored?.revision ?? 0) >= revision);
      return c.json({ ...keyView({ name: minted.id, value: record }), key: minted.key }, 201);
    })
    .openapi(listKeysRoute, (c) => {
      const seen = shelf.entries().filter(({ value }) => mayManage(c.get("caller"), value));
      return c.json({ keys: seen.map(keyView) }, 200);
    })
    .openapi(revokeRoute, async (c) => {
      const { id } = c.req.valid("param");
      const found = await store.read(id);
      if (found === undefined || !mayManage(c.get("caller"), found.value))
        throw new MillraceError("not_found", `There is no API key ${id}.`);
      await store.remove(id, found.revision);
      await heard(shelf, id, (stored) => stored === undefined);
      return c.body(null, 204);
    });
}

/** Waits until this replica acts on what was stored, so that whoever was told can rely on it here at once. */
async function heard(
  shelf: Shelf<ApiKey>,
  id: string,
  isSo: (stored: Revised<ApiKey> | undefined) => boolean,
): Promise<void> {
  if (isSo(shelf.get(id))) return;
  const known = deferred<void>();
  using _watch = shelf.watch((changed, stored) => {
    if (changed === id && isSo(stored)) known.resolve();
  });
  await Promise.race([known.promise, pause(HEARD_MS)]);
}

const mayManage = ({ namespace }: Caller, key: ApiKey): boolean =>
  namespace === undefined || key.namespace === namespace;

function keyView({ name: id, value }: Omit<Revised<ApiKey>, "revision">) {
  const { name: holder, roles, scopes, namespace, createdAt, createdBy, expiresAt } = value;
  return {
    id,
    name: holder,
    roles,
    scopes,
    namespace,
    createdAt: iso(createdAt),
    createdBy,
    expiresAt: expiresAt === undefined ? undefined : iso(expiresAt),
  };
}
