// What every request passes first: it gets an id and a line in the log, and foreign hosts and origins are turned away.
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { customAlphabet } from "nanoid";

import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Log } from "../../shared/io/log.ts";
import { ID_ALPHABET } from "../../shared/names.ts";
import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem.ts";

export type GateOptions = {
  log: Log;
  clock: Clock;
  /** Host names this server answers for; absent: any. See `loopbackHosts`. */
  hosts?: ReadonlySet<string> | undefined;
};

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const REQUEST_ID = /^[\w.-]{1,64}$/;
const AUTHORITY = /^https?:\/\/((\[[^\]/]*\]|[^/:?#]*)[^/?#]*)/i;

const newRequestId = customAlphabet(ID_ALPHABET, 12);

/** The host names that a server open to its own machine alone answers for, so that no web page can reach it under a name of its own; undefined for other addresses. */
export function loopbackHosts(address: string): ReadonlySet<string> | undefined {
  const name = address.includes(":") ? `[${address}]` : address.toLowerCase();
  const isLoopback = LOOPBACK.includes(name) || name.startsWith("127.");
  return isLoopback ? new Set([...LOOPBACK, name]) : undefined;
}

export function createGate({ log, clock, hosts }: GateOptions): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedAt = clock.mono();
    const given = c.req.header("x-request-id");
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : newRequestId();
    c.set("requestId", requestId);
    // onto the connection's own answer: by hono's they would go into a `Headers` and out of it again
    c.env.outgoing?.setHeader("X-Request-Id", requestId);
    c.env.outgoing?.setHeader("X-Content-Type-Options", "nosniff");

    const { method, url } = c.req;
    const refusal = refuse(method, url, c.req.header("origin"), hosts);
    if (refusal === undefined) await next();
    else c.res = problemAnswer(c, refusal);

    const line = {
      event: "request",
      method,
      route: routePath(c, -1),
      status: c.res.status,
      ms: Math.round(clock.mono() - startedAt),
      requestId,
      caller: c.get("caller")?.name,
    };
    if (isSafe(method)) log.debug(line);
    else log.info(line);
  };
}

const isSafe = (method: string): boolean => method === "GET" || method === "HEAD";

/** Why the request is not for us, if it is not. Pure. */
export function refuse(
  method: string,
  url: string,
  origin: string | undefined,
  hosts: ReadonlySet<string> | undefined,
): MillraceError | undefined {
  const [, authority = "", host = ""] = AUTHORITY.exec(url) ?? [];
  if (hosts !== undefined && !hosts.has(host.toLowerCase()))
    return new MillraceError(
      "invalid_host",
      `Use one of these host names: ${[...hosts].join(", ")}.`,
      { field: "Host" },
    );
  if (isSafe(method) || origin === undefined) return undefined;
  if (origin.replace(/^https?:\/\//i, "").toLowerCase() === authority.toLowerCase())
    return undefined;
  return new MillraceError(
    "forbidden_origin",
    "Web pages of other origins may not change anything.",
    {
      field: "Origin",
    },
  );
}
