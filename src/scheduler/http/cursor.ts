// Opaque cursors: where a list or a stream of events goes on, valid only for the question they were given out for.
import { createHash } from "node:crypto";

import { MillraceError } from "../../shared/errors.ts";

const MAX_LENGTH = 512;

/** The text that stands for `position` in the answer to the question `scope`. */
export function encodeCursor(scope: string, position: unknown): string {
  return Buffer.from(JSON.stringify([digest(scope), position])).toString("base64url");
}

/** The position in a cursor, still to be checked for its shape; throws `invalid_cursor` for text that was not given out for `scope`. */
export function decodeCursor(scope: string, text: string, field = "cursor"): unknown {
  const parts = text.length <= MAX_LENGTH ? parse(text) : undefined;
  if (Array.isArray(parts) && parts.length === 2 && parts[0] === digest(scope)) return parts[1];
  throw invalidCursor(field);
}

export const invalidCursor = (field = "cursor") =>
  new MillraceError(
    "invalid_cursor",
    "Use a cursor only with the request that returned it, or start again without one.",
    { field },
  );

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
}

const digest = (scope: string): string =>
  createHash("sha256").update(scope).digest("base64url").slice(0, 12);
