// What can be asked for as an API key, and by whom.
import { z } from "zod";

import { durationMs } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import { duration, name } from "../../shared/fields.ts";
import { specError } from "../../shared/spec.ts";
import type { ApiKey } from "./api-key.ts";
import { isCallerName, type Caller } from "./caller.ts";
import { ROLE_NAMES, SCOPES, scopesOf } from "./scopes.ts";

const request = z
  .strictObject({
    name: z.string().min(1).refine(isCallerName, "must be printable and at most 200 characters"),
    roles: z.array(z.enum(ROLE_NAMES)).max(ROLE_NAMES.length).default([]),
    scopes: z.array(z.enum(SCOPES)).max(SCOPES.length).default([]),
    namespace: name.optional(),
    expires: duration({ minMs: 1_000 }).optional(),
  })
  .refine(({ roles, scopes }) => roles.length + scopes.length > 0, {
    path: ["roles"],
    message: "must name at least one role or scope",
  });

/** The key to be stored. Throws `invalid_spec`, and `insufficient_scope` for what the caller could not do either. */
export function requestedKey(body: unknown, caller: Caller, hash: string, now: number): ApiKey {
  const parsed = request.safeParse(body);
  if (!parsed.success) throw specError(parsed.error);
  const { name: holder, roles, scopes, expires, namespace = caller.namespace } = parsed.data;
  requireWithin(caller, scopesOf(roles, scopes), namespace);
  return {
    v: 1,
    name: holder,
    hash,
    roles,
    scopes,
    createdAt: now,
    createdBy: caller.name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(expires === undefined ? {} : { expiresAt: now + durationMs(expires) }),
  };
}

function requireWithin(caller: Caller, wanted: ReadonlySet<string>, namespace?: string): void {
  const own: ReadonlySet<string> = caller.scopes;
  const beyond = [...wanted].filter((scope) => !own.has(scope));
  if (beyond.length > 0)
    throw new MillraceError(
      "insufficient_scope",
      `You cannot give what you do not have: ${beyond.join(", ")}.`,
      { field: "scopes" },
    );
  if (caller.namespace !== undefined && namespace !== caller.namespace)
    throw new MillraceError(
      "insufficient_scope",
      `You can make keys for namespace ${caller.namespace} only.`,
      { field: "namespace" },
    );
}
