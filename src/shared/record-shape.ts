// What a job's record looks like. Whoever has a worker's key may have written it, and all that happens to a job is read through this:
// the parts that every record has are checked by hand, the rare ones by tables and schemas, which take many times as long.
import { artifactsSchema, type AttemptArtifacts } from "./artifact.ts";
import { isDigest } from "./digest.ts";
import {
  JOB_STATES,
  OUTCOMES,
  type Attempt,
  type JobRecord,
  type Origin,
  type OutputTotals,
  type TimelineEntry,
  type Usage,
} from "./job.ts";
import { isJobId, isName, isWorkerId } from "./names.ts";
import type { Reference } from "./reference.ts";
import { jobSpecSchema, type JobSpec } from "./spec.ts";

type Check = (value: unknown) => boolean;
/** What may be anything, by the names of what it should be. */
type Unknown<T> = { readonly [field in keyof T]?: unknown };
/** A check of each field. */
type Shape<T> = { readonly [field in keyof T]-?: Check };

/** True for what can be used as a record without another look. */
export function isJobRecord(value: unknown): value is JobRecord {
  if (!isObject(value)) return false;
  const found: Unknown<JobRecord> = value;
  return (
    found.v === 1 &&
    typeof found.id === "string" &&
    isJobId(found.id) &&
    isState(found.state) &&
    isSpec(found.spec) &&
    hasItsTimes(found) &&
    hasItsCounts(found) &&
    isListOf(found.attempts, isAttempt) &&
    isListOf(found.timeline, isEntry) &&
    hasItsRareParts(found) &&
    isCoherent(value as JobRecord)
  );
}

const hasItsTimes = (found: Unknown<JobRecord>): boolean =>
  isInstant(found.submittedAt) &&
  isOptionalInstant(found.notBefore) &&
  isOptionalInstant(found.expiresAt) &&
  isOptionalInstant(found.finishedAt);

const hasItsCounts = (found: Unknown<JobRecord>): boolean =>
  isCount(found.attempt) &&
  isCount(found.series) &&
  isCount(found.failures) &&
  isCount(found.losses) &&
  isOptionalCount(found.forgotten);

const hasItsRareParts = (found: Unknown<JobRecord>): boolean =>
  isOptionalText(found.reason) &&
  isOptionalText(found.fingerprint) &&
  (found.origin === undefined || isOrigin(found.origin)) &&
  (found.references === undefined || isMapOf(found.references, isReference));

/** There is something to run, and whoever looks for the worker of a running job finds one. */
function isCoherent({ spec, origin, state, attempt, attempts }: JobRecord): boolean {
  const what = spec.command?.[0] ?? spec.script ?? spec.handler;
  return (
    (what !== undefined || origin?.holds === true) &&
    (state !== "running" || attempts.at(-1)?.number === attempt)
  );
}

function isAttempt(value: unknown): boolean {
  if (!isObject(value)) return false;
  const found: Unknown<Attempt> = value;
  return (
    isCount(found.number) &&
    typeof found.worker === "string" &&
    isWorkerId(found.worker) &&
    isOptionalInstant(found.startedAt) &&
    isOptionalInstant(found.finishedAt) &&
    (found.outcome === undefined || isOutcome(found.outcome)) &&
    isOptionalText(found.signal) &&
    isOptionalText(found.reason) &&
    hasItsFigures(found)
  );
}

const hasItsFigures = (found: Unknown<Attempt>): boolean =>
  (found.exitCode === undefined || Number.isSafeInteger(found.exitCode)) &&
  (found.output === undefined || isOutput(found.output)) &&
  (found.usage === undefined || isUsage(found.usage)) &&
  (found.artifacts === undefined || isArtifacts(found.artifacts));

function isOutput(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { stdout, stderr, chunks, dropped }: Unknown<OutputTotals> = value;
  return isCount(stdout) && isCount(stderr) && isCount(chunks) && isCount(dropped);
}

function isUsage(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { cpuMs = 0, maxRssKb = 0 }: Unknown<Usage> = value;
  return isAmount(cpuMs) && isAmount(maxRssKb);
}

function isEntry(value: unknown): boolean {
  if (!isObject(value)) return false;
  const found: Unknown<TimelineEntry> = value;
  return (
    isInstant(found.at) &&
    typeof found.what === "string" &&
    isState(found.state) &&
    isOptionalCount(found.attempt) &&
    isOptionalText(found.worker) &&
    isOptionalText(found.actor) &&
    isOptionalText(found.reason)
  );
}

const isTexts: Check = (value) => isListOf(value, isText);
const isTextMap: Check = (value) => isMapOf(value, isText);

/** Those that most specs have; the others are left to their schemas. */
const USUAL: { readonly [field in keyof JobSpec]: Check } = {
  queue: (value) => typeof value === "string" && isName(value),
  command: isTexts,
  args: isTexts,
  // may be large, and is the handler's to judge
  input: () => true,
  env: isTextMap,
  labels: isTextMap,
  key: isText,
  priority: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 9,
  slots: isCount,
};

const SPEC = new Map<string, Check>([
  ...Object.entries(jobSpecSchema.shape).map(([field, schema]): [string, Check] => [
    field,
    (value) => schema.safeParse(value).success,
  ]),
  ...Object.entries(USUAL),
]);

/** A field that is not known is somebody newer's. */
function isSpec(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const field in value) if (SPEC.get(field)?.(value[field]) === false) return false;
  return true;
}

function shaped(checks: Readonly<Record<string, Check>>): Check {
  const all = Object.entries(checks);
  return (value) => isObject(value) && all.every(([field, check]) => check(value[field]));
}

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isTrue = optional((value) => value === true);

const isReference = shaped({ digest: isDigest, bytes: isCount } satisfies Shape<Reference>);

const isArtifacts = shaped({
  count: isCount,
  bytes: isCount,
  files: optional((value) => artifactsSchema.safeParse(value).success),
  manifest: optional(isReference),
  note: isOptionalText,
} satisfies Shape<AttemptArtifacts>);

const isOrigin = shaped({
  definition: optional(
    shaped({ name: isText, version: isCount, test: isTrue } satisfies Shape<
      NonNullable<Origin["definition"]>
    >),
  ),
  schedule: optional(
    shaped({ name: isText, at: isInstant } satisfies Shape<NonNullable<Origin["schedule"]>>),
  ),
  group: optional(
    shaped({
      id: isText,
      member: isText,
      index: isOptionalCount,
      count: isOptionalCount,
      values: optional(isTextMap),
    } satisfies Shape<NonNullable<Origin["group"]>>),
  ),
  holds: isTrue,
  namespace: isOptionalText,
} satisfies Shape<Origin>);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, check: Check): boolean {
  if (!Array.isArray(value)) return false;
  for (const item of value) if (!check(item)) return false;
  return true;
}

function isMapOf(value: unknown, check: Check): boolean {
  if (!isObject(value)) return false;
  for (const key in value) if (!check(value[key])) return false;
  return true;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOptionalCount(value: unknown): boolean {
  return value === undefined || isCount(value);
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

const END_OF_TIME = 8.64e15;

/** What a date can be made of. */
function isInstant(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= END_OF_TIME;
}

function isOptionalInstant(value: unknown): boolean {
  return value === undefined || isInstant(value);
}

const STATES: ReadonlySet<unknown> = new Set(JOB_STATES);
const isState = (value: unknown): boolean => STATES.has(value);
const ALL_OUTCOMES: ReadonlySet<unknown> = new Set(OUTCOMES);
const isOutcome = (value: unknown): boolean => ALL_OUTCOMES.has(value);
