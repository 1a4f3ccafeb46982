// Answers where no route does: 405 with the methods that the path has, 404 where it has none.
import type { Hono, NotFoundHandler } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export function createNoRouteHandler(app: Hono<HttpEnv>): NotFoundHandler<HttpEnv> {
  const answers = (method: string, path: string): boolean =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method);

  return (c) => {
    const allowed = METHODS.filter((method) => answers(method, c.req.path));
    if (allowed.length === 0)
      return problemAnswer(
        c,
        new MillraceError("not_found", "GET /v1/openapi.json lists what there is."),
      );
    if (allowed.includes("GET")) allowed.push("HEAD");
    c.header("Allow", allowed.join(", "));
    return problemAnswer(
      c,
      new MillraceError("method_not_allowed", `Use one of: ${allowed.join(", ")}.`),
    );
  };
}
