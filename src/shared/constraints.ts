// Constraints and affinities: their one-line grammar, and the test of a worker's labels against them.
//
// os=linux   os!=linux   zone in (a,b)   zone notin (a,b)   gpu   !gpu   cpus>=4   memory<8000
import { MillraceError } from "./errors.ts";
import { isLabelKey } from "./names.ts";

export type Labels = Readonly<Record<string, string>>;

export type Constraint =
  | { readonly op: "exists" | "missing"; readonly key: string }
  | { readonly op: "=" | "!="; readonly key: string; readonly value: string }
  | { readonly op: "in" | "notin"; readonly key: string; readonly values: readonly string[] }
  | { readonly op: ">" | ">=" | "<" | "<="; readonly key: string; readonly bound: number };

const SET = /^([^\s=<>!()]+) (in|notin) \(([^()]*)\)$/;
const COMPARE = /^([^\s=<>!()]+) ?(!=|>=|<=|=|>|<) ?(.+)$/;
const PRESENCE = /^(!?)([^\s=<>!()]+)$/;
const MAX_LENGTH = 256;

/** The constraint that a text says; throws `invalid_spec` when it says none. */
export function parseConstraint(text: string): Constraint {
  const parsed = text.length <= MAX_LENGTH ? read(text.trim()) : undefined;
  if (parsed && isLabelKey(parsed.key)) return parsed;
  throw new MillraceError(
    "invalid_spec",
    `"${text.slice(0, 80)}" is no constraint; write one of: os=linux, os!=linux, zone in (a,b), zone notin (a,b), gpu, !gpu, cpus>=4.`,
  );
}

function read(text: string): Constraint | undefined {
  const presence = PRESENCE.exec(text);
  if (presence) return { op: presence[1] ? "missing" : "exists", key: presence[2] as string };
  const set = SET.exec(text);
  if (set) {
    const values = (set[3] as string).split(",").map((value) => value.trim());
    return values.every((value) => value !== "")
      ? { op: set[2] as "in" | "notin", key: set[1] as string, values }
      : undefined;
  }
  const compare = COMPARE.exec(text);
  return compare
    ? comparison(compare[1] as string, compare[2] as string, (compare[3] as string).trim())
    : undefined;
}

function comparison(key: string, op: string, value: string): Constraint | undefined {
  if (op === "=" || op === "!=") return { op, key, value };
  const bound = Number(value);
  return value === "" || !Number.isFinite(bound)
    ? undefined
    : { op: op as ">" | ">=" | "<" | "<=", key, bound };
}

export function formatConstraint(constraint: Constraint): string {
  switch (constraint.op) {
    case "exists":
      return constraint.key;
    case "missing":
      return `!${constraint.key}`;
    case "in":
    case "notin":
      return `${constraint.key} ${constraint.op} (${constraint.values.join(",")})`;
    case "=":
    case "!=":
      return `${constraint.key}${constraint.op}${constraint.value}`;
    case ">":
    case ">=":
    case "<":
    case "<=":
      return `${constraint.key}${constraint.op}${constraint.bound}`;
  }
}

/** True when the labels pass the test. A missing label fails every test but `!key`, `!=` and `notin`. */
export function matches(constraint: Constraint, labels: Labels): boolean {
  const label = Object.hasOwn(labels, constraint.key) ? labels[constraint.key] : undefined;
  switch (constraint.op) {
    case "exists":
      return label !== undefined;
    case "missing":
      return label === undefined;
    case "=":
      return label === constraint.value;
    case "!=":
      return label !== constraint.value;
    case "in":
      return label !== undefined && constraint.values.includes(label);
    case "notin":
      return label === undefined || !constraint.values.includes(label);
    case ">":
    case ">=":
    case "<":
    case "<=":
      return label !== undefined && compares(constraint.op, Number(label), constraint.bound);
  }
}

function compares(op: ">" | ">=" | "<" | "<=", label: number, bound: number): boolean {
  switch (op) {
    case ">":
      return label > bound;
    case ">=":
      return label >= bound;
    case "<":
      return label < bound;
    case "<=":
      return label <= bound;
  }
}
