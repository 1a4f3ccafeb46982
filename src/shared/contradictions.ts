// The rules of a job spec that look at several fields at once.
import { isDigest } from "./digest.ts";
import type { JobSpec } from "./spec.ts";

export type Complaint = { path: string[]; message: string };

const KINDS = ["command", "script", "handler"] as const;
type Kind = (typeof KINDS)[number];

export function contradictions(spec: JobSpec): Complaint[] {
  const kinds = KINDS.filter((kind) => spec[kind] !== undefined);
  const found =
    kinds.length === 1
      ? belongings(spec)
      : [complaint(kinds[1] ?? "command", "give exactly one of command, script and handler")];
  if (spec.command?.[0] === "") found.push(complaint("command", "the program must not be empty"));
  if (spec.shell && spec.command?.length !== 1)
    found.push(complaint("shell", "needs a command of exactly one element"));
  if (spec.runAt !== undefined && spec.delay !== undefined)
    found.push(complaint("delay", "give runAt or delay, not both"));
  return [...found, ...signedLoosely(spec)];
}

/** What a name means may change after it was signed. */
function signedLoosely({ signature, bundle }: JobSpec): Complaint[] {
  if (signature === undefined || bundle === undefined || isDigest(bundle)) return [];
  return [complaint("bundle", "a signed job names its bundle by digest")];
}

/** Which kind of job each of these fields belongs to. */
const BELONGS = {
  interpreter: ["script"],
  args: ["script"],
  input: ["handler"],
  env: ["command", "script"],
  cwd: ["command", "script"],
  stdin: ["command", "script"],
  bundle: ["command", "script"],
  secrets: ["command", "script"],
  limits: ["command", "script"],
  artifacts: ["command", "script"],
} as const;

const BELONGINGS = Object.entries(BELONGS) as [keyof typeof BELONGS, readonly Kind[]][];

function belongings(spec: JobSpec): Complaint[] {
  return BELONGINGS.filter(
    ([field, kinds]) =>
      spec[field] !== undefined && kinds.every((kind) => spec[kind] === undefined),
  ).map(([field, kinds]) => complaint(field, `goes with ${kinds.join(" or ")} only`));
}

const complaint = (field: string, message: string): Complaint => ({ path: [field], message });
