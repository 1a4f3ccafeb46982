// Reads request bodies strictly: JSON objects in UTF-8, bounded in size and depth, free of keys that mean something to JavaScript.
import type { Context } from "hono";

import { MillraceError } from "../../shared/errors.ts";
import { fieldPath } from "../../shared/spec.ts";
import { MAX_SPEC_BYTES } from "../submission/submit.ts";

export const BODY_LIMIT = MAX_SPEC_BYTES;
/** Of what may have large values in it. */
export const SUBMIT_LIMIT = 8_388_608;
export const MAX_DEPTH = 64;

const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor"]);

/** The object in the body. Throws with the status that its flaw deserves. Of equal keys the last one counts. */
export async function readJson(c: Context, limit = BODY_LIMIT): Promise<unknown> {
  checkHeaders(c);
  return parseBody(await readBytes(c, limit));
}

/** As `readJson`, where no body at all means an empty object. */
export async function readOptionalJson(c: Context): Promise<unknown> {
  const bytes = await readBytes(c, BODY_LIMIT);
  if (bytes.byteLength === 0) return {};
  checkHeaders(c);
  return parseBody(bytes);
}

function checkHeaders(c: Context): void {
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new MillraceError(
      "unsupported_media_type",
      "Send the body as it is, without Content-Encoding.",
    );
  if (!JSON_TYPE.test(c.req.header("content-type") ?? ""))
    throw new MillraceError(
      "unsupported_media_type",
      "Send JSON in UTF-8 with Content-Type: application/json.",
    );
}

async function readBytes(c: Context, limit: number): Promise<Uint8Array> {
  const announced = c.req.header("content-length");
  if (announced !== undefined && Number(announced) > limit) throw tooLarge(limit);
  try {
    // an announced length is kept to by the parser of the protocol, so it need not be counted again
    return announced === undefined
      ? await readCounted(c.req.raw.body, limit)
      : new Uint8Array(await c.req.arrayBuffer());
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError("request_timeout", "The body did not arrive whole; send it again.", {
      cause: error,
    });
  }
}

async function readCounted(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.byteLength;
    if (size > limit) throw tooLarge(limit);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

const tooLarge = (limit: number) =>
  new MillraceError("body_too_large", `The body may have ${limit} bytes at most.`);

/** Pure. Throws `invalid_json` for what is no JSON text, `invalid_spec` for JSON that nothing here accepts. */
export function parseBody(bytes: Uint8Array): unknown {
  const value = parseJson(decode(bytes));
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MillraceError("invalid_spec", "The body must be a JSON object.");
  const flaw = findFlaw(value, 1);
  if (flaw !== undefined) throw flawError(flaw);
  return value;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  if (bytes.byteLength === 0)
    throw new MillraceError("invalid_json", "The body is empty; send a JSON object.");
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new MillraceError("invalid_json", "The body is not UTF-8.", { cause: error });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    throw new MillraceError("invalid_json", `The body is not JSON: ${reason}`, { cause: error });
  }
}

type Flaw = { path: PropertyKey[]; message: string };

/** Goes no deeper than allowed, so it cannot exhaust the stack, and protects everything after it that might. */
function findFlaw(value: object, depth: number): Flaw | undefined {
  if (depth > MAX_DEPTH) return { path: [], message: `is nested deeper than ${MAX_DEPTH} levels` };
  for (const key of Object.keys(value)) {
    if (FORBIDDEN_KEYS.has(key)) return { path: [key], message: "is not accepted as a key" };
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner !== "object" || inner === null) continue;
    const flaw = findFlaw(inner, depth + 1);
    if (flaw !== undefined)
      return { ...flaw, path: [Array.isArray(value) ? Number(key) : key, ...flaw.path] };
  }
  return undefined;
}

function flawError({ path, message }: Flaw): MillraceError {
  const field = fieldPath(path.slice(0, 4));
  return new MillraceError("invalid_spec", `${field}: ${message}`, { field });
}
