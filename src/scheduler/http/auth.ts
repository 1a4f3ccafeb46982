// What every request to a route passes: who asks, whether too often, whether they may. What they change is told in the audit.
import type { TLSSocket } from "node:tls";
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";

import { MillraceError } from "../../shared/errors.ts";
import { noJob } from "../../shared/io/job-store.ts";
import { isJobId, isName } from "../../shared/names.ts";
import type { Authenticate } from "../auth/authenticate.ts";
import { NOBODY, type Caller } from "../auth/caller.ts";
import type { RateLimit } from "../auth/rate-limit.ts";
import type { Audit, AuditEntry } from "../auth/audit.ts";
import { ACCESS, type Access } from "./auth-table.ts";
import type { HttpDeps } from "./deps.ts";
import type { HttpEnv } from "./env.ts";

export type AuthDeps = {
  authenticate: Authenticate;
  /** Counts a request of somebody. */
  admit: RateLimit;
  /** Takes what somebody did. */
  audit: Audit;
};

const SECRETS = ["access_token", "token", "api_key", "apikey", "authorization"];
const NAMESPACE_HEADER = "Millrace-Namespace";
const SAFE = new Set(["GET", "HEAD"]);
const UNLISTED: Access = { inNamespace: false, audited: true };

export function createAuth(
  deps: Pick<HttpDeps, "auth" | "store" | "view" | "log">,
): MiddlewareHandler<HttpEnv> {
  const { auth, log } = deps;

  async function identify(c: Context<HttpEnv>): Promise<Caller> {
    const caller = await auth.authenticate({
      authorization: c.req.header("authorization"),
      certificate: () => certifiedName(c),
    });
    auth.admit(`${caller.by} ${caller.name}`);
    return confined(caller, c.req.header(NAMESPACE_HEADER));
  }

  /** A job of another namespace is answered for as if there were none. */
  async function requireOwn(jobId: string, namespace: string): Promise<void> {
    const known = deps.view.get(jobId);
    const owner =
      known === undefined
        ? (await deps.store.read(jobId))?.record.origin?.namespace
        : known.namespace;
    if (owner !== namespace) throw noJob(jobId);
  }

  async function tell(
    c: Context<HttpEnv>,
    caller: Caller,
    route: string,
    status: number,
  ): Promise<void> {
    const entry: AuditEntry = {
      caller,
      route,
      path: c.req.path,
      status,
      from: c.env.incoming?.socket.remoteAddress ?? "",
      requestId: c.get("requestId"),
    };
    try {
      await auth.audit.tell(entry);
    } catch (error) {
      log.error({ event: "audit_failed", entry, error }, "what was done could not be told");
    }
  }

  return async (c, next) => {
    const route = routeOf(c);
    if (route === undefined) return next();
    refuseSecretsIn(c.req.url);
    const access = ACCESS[route];
    if (access !== undefined && access.scope === undefined) {
      c.set("caller", NOBODY);
      return next();
    }
    const caller = await identify(c);
    c.set("caller", caller);
    const isTold = access?.audited === true && !SAFE.has(c.req.method);
    const refusal = refusalOf(caller, access ?? UNLISTED, route);
    if (refusal !== undefined) {
      if (isTold) await tell(c, caller, route, refusal.status);
      throw refusal;
    }
    const jobId = jobIn(route, c.req.path);
    if (caller.namespace !== undefined && jobId !== undefined)
      await requireOwn(jobId, caller.namespace);
    await next();
    if (isTold) await tell(c, caller, route, c.res.status);
  };
}

/** Whoever sees everything may ask as if confined to one namespace. */
function confined(caller: Caller, namespace: string | undefined): Caller {
  if (namespace === undefined || namespace === caller.namespace) return caller;
  if (!isName(namespace))
    throw new MillraceError(
      "invalid_header",
      `${NAMESPACE_HEADER} takes the name of a namespace.`,
      {
        field: NAMESPACE_HEADER,
      },
    );
  if (caller.namespace === undefined) return { ...caller, namespace };
  throw new MillraceError(
    "insufficient_scope",
    `${caller.name} is confined to namespace ${caller.namespace}.`,
    { field: NAMESPACE_HEADER },
  );
}

/** The name in the caller's certificate, on a connection that has one. */
function certifiedName(c: Context<HttpEnv>): string | undefined {
  const socket = c.env.incoming?.socket;
  if (socket === undefined || !("getPeerCertificate" in socket)) return undefined;
  const { subject } = (socket as TLSSocket).getPeerCertificate();
  return typeof subject?.CN === "string" ? subject.CN : undefined;
}

/** As `GET /v1/jobs/:id`; undefined where no route answers. */
function routeOf(c: Context<HttpEnv>): string | undefined {
  const route = matchedRoutes(c).find(({ method }) => method !== "ALL");
  return route && `${route.method} ${route.path}`;
}

/** Addresses end up in logs and histories. */
function refuseSecretsIn(url: string): void {
  const at = url.indexOf("?");
  if (at === -1) return;
  const found = [...new URLSearchParams(url.slice(at + 1)).keys()].find((name) =>
    SECRETS.includes(name.toLowerCase()),
  );
  if (found === undefined) return;
  throw new MillraceError(
    "invalid_query",
    "Secrets do not belong into an address: send them as Authorization: Bearer <token>, and replace this one.",
    { field: found },
  );
}

/** Why the caller may not do it. */
function refusalOf(
  caller: Caller,
  { scope, inNamespace }: Access,
  route: string,
): MillraceError | undefined {
  const { name, namespace, scopes } = caller;
  if (caller.by === "open") return undefined;
  if (scope === undefined || !scopes.has(scope))
    return new MillraceError(
      "insufficient_scope",
      `${route} needs the scope ${scope ?? "of nobody"}, which ${name} does not have.`,
    );
  if (namespace === undefined || inNamespace) return undefined;
  return new MillraceError(
    "insufficient_scope",
    `${route} concerns the whole installation; ${name} is confined to namespace ${namespace}.`,
  );
}

function jobIn(route: string, path: string): string | undefined {
  if (!route.includes(" /v1/jobs/:id")) return undefined;
  const id = path.split("/")[3];
  // what is no id is refused by the route itself
  return id !== undefined && isJobId(id) ? id : undefined;
}
