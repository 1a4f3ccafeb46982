// Conditional changes: what If-Match and If-None-Match say about an entry of the configuration, and the tag that it has.
import type { Context } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import type { Expected } from "../expected.ts";

const TAG = /^(?:W\/)?"(\d{1,15})"$/;

export const tagOf = (revision: number): string => `"${revision}"`;

/** What the request's conditions expect. Throws `invalid_header` for what was not given out as an ETag. */
export function expectedBy(c: Context): Expected {
  const match = c.req.header("if-match")?.trim();
  const none = c.req.header("if-none-match")?.trim();
  if (none !== undefined && (none !== "*" || match !== undefined))
    throw invalid("If-None-Match", "Only * has a meaning here, without If-Match.");
  if (none === "*") return 0;
  if (match === undefined || match === "*") return undefined;
  const revision = TAG.exec(match)?.[1];
  if (revision === undefined) throw invalid("If-Match", "Give the ETag that GET answered.");
  return Number(revision);
}

/** The headers in the document. */
export const conditionParameters = [
  {
    in: "header",
    name: "If-Match",
    description: "Only if the entry still has this ETag.",
    schema: { type: "string" },
  },
  {
    in: "header",
    name: "If-None-Match",
    description: "`*`: only if there is no such entry yet.",
    schema: { type: "string" },
  },
] as const;

const invalid = (field: string, message: string) =>
  new MillraceError("invalid_header", message, { field });
