// The small schemas that specs and settings are made of.
import { z } from "zod";

import { parseConstraint } from "./constraints.ts";
import { MAX_DURATION_MS, parseDuration } from "./durations.ts";
import { isLabelKey, isName } from "./names.ts";

const MAX_DATE_MS = Date.UTC(3000, 0, 1);
const LONE_SURROGATE = /\p{Surrogate}/u;
const clean = (value: string): boolean => !value.includes("\0") && !LONE_SURROGATE.test(value);
export const text = (max: number) =>
  z.string().max(max).refine(clean, "must not contain NUL bytes or lone surrogates");
export const name = z
  .string()
  .refine(
    isName,
    "must be 1-64 letters, digits, - or _, starting and ending with a letter or digit",
  );

/** A duration text within bounds. */
export const duration = (bounds: { minMs?: number; maxMs?: number } = {}) => {
  const { minMs = 0, maxMs = MAX_DURATION_MS } = bounds;
  return z.string().refine((value) => {
    const ms = parseDuration(value);
    return ms !== undefined && ms >= minMs && ms <= maxMs;
  }, `must be a duration such as "500ms", "30s" or "1h30m", at least ${minMs} ms and at most ${maxMs} ms`);
};

export const constraint = text(256).refine((value) => {
  try {
    parseConstraint(value);
    return true;
  } catch {
    return false;
  }
}, "must be one of: os=linux, os!=linux, zone in (a,b), zone notin (a,b), gpu, !gpu, cpus>=4");

export const affinity = z.union([
  constraint,
  z.strictObject({ match: constraint, weight: z.int().min(-100).max(100) }),
]);

export const envName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,255}$/,
    "must be a variable name: letters, digits and _, not starting with a digit",
  );
export const secretReference = z
  .string()
  .regex(
    /^(?:file:[A-Za-z0-9][A-Za-z0-9._-]{0,127}|env:[A-Za-z_][A-Za-z0-9_]{0,255})$/,
    "must be file:<name> or env:<NAME>",
  );
export const labelKey = z
  .string()
  .refine(isLabelKey, "must be 1-64 letters, digits, _ . / or -, starting with a letter");
export const few = (max: number) => (map: Record<string, unknown>) =>
  Object.keys(map).length <= max;
export const directory = text(4_096).refine(
  (value) => value.startsWith("/") && !value.split("/").includes(".."),
  "must be an absolute path without ..",
);
export const date = z
  .string()
  .max(40)
  .refine(
    (value) => /^\d{4}-\d\d-\d\dT/.test(value) && Date.parse(value) < MAX_DATE_MS,
    "must be an ISO 8601 instant before the year 3000, as 2027-01-31T08:00:00Z",
  );

function isJson(value: unknown): boolean {
  if (typeof value !== "object") return isJsonScalar(value);
  if (value === null) return true;
  if (Array.isArray(value)) return value.every(isJson);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isJson);
}

const isJsonScalar = (value: unknown): boolean =>
  typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);

/** Any JSON. Unlike `z.json()` it does not refer to itself, which would keep whatever has it as a part from being compiled. */
export const anyJson = z
  .unknown()
  .refine(isJson, "must be JSON") as unknown as z.ZodType<z.core.util.JSONType>;
