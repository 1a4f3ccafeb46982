// What a caller may ask for: the schema of a job spec, checked once at the edge and trusted from there on.
import { z } from "zod";

import { artifactLimitsSchema, artifactPatternsSchema } from "./artifact.ts";
import { bundleReference } from "./bundle.ts";
import { contradictions } from "./contradictions.ts";
import { durationMs } from "./durations.ts";
import { MillraceError } from "./errors.ts";
import {
  affinity,
  anyJson,
  constraint,
  date,
  directory,
  duration,
  envName,
  few,
  labelKey,
  name,
  secretReference,
  text,
} from "./fields.ts";
import { handlerReference } from "./handler-reference.ts";
import { isJobId, isName, isWorkerId } from "./names.ts";
import { MAX_VALUE_BYTES } from "./reference.ts";
import { retentionSchema } from "./retention.ts";

const LIMITS = {
  arguments: 10_000,
  argumentBytes: 262_144,
  env: 1_000,
  secrets: 64,
  labels: 64,
  constraints: 32,
} as const;

const RETRY_REASONS = ["exited", "signalled", "timed_out", "threw", "spawn_failed"] as const;

export const retrySchema = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe("Tries in all, the first included; default 1."),
  backoff: z
    .strictObject({
      initial: duration().optional().describe("Wait before the second try; default 1s."),
      factor: z
        .number()
        .min(1)
        .max(10)
        .optional()
        .describe("Growth of the wait from try to try; default 2."),
      max: duration().optional().describe("Longest wait; default 5m."),
      jitter: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe("Share of the wait that is random; default 0.2."),
    })
    .optional(),
  on: z
    .array(z.union([z.enum(RETRY_REASONS), z.int().min(1).max(255)]))
    .max(64)
    .optional()
    .describe("Outcomes or exit codes that are tried again; default: every failure."),
});

const limitsSchema = z
  .strictObject({
    cpuSeconds: z.int().min(1).max(31_536_000).optional().describe("Processor time."),
    memoryBytes: z
      .int()
      .min(1_048_576)
      .max(2 ** 50)
      .optional()
      .describe("Address space."),
    openFiles: z.int().min(8).max(1_048_576).optional(),
    processes: z.int().min(1).max(4_194_304).optional().describe("Of the user, in all."),
    fileBytes: z
      .int()
      .min(0)
      .max(2 ** 50)
      .optional()
      .describe("Largest file it may write."),
  })
  .describe(
    "What the system limits for the program and for each one that it starts; memory and processes for all of them together where the worker has control groups.",
  );

const signatureSchema = z
  .strictObject({
    by: name.describe("Whose key it is."),
    until: date.describe("Not to be started after this instant."),
    value: z.base64().max(128).describe("Ed25519, over what the job runs."),
  })
  .describe("Who asked, for workers that start nothing else.");

const fields = z.strictObject({
  queue: name.optional().describe('The line the job waits in; default "default".'),
  command: z
    .array(text(LIMITS.argumentBytes))
    .min(1)
    .max(LIMITS.arguments)
    .optional()
    .describe("Program and arguments; no shell takes part."),
  shell: z.boolean().optional().describe("Run the one element of `command` through /bin/sh -c."),
  script: text(524_288)
    .min(1)
    .optional()
    .describe("Text of a script, written to the attempt's work directory and run."),
  interpreter: z
    .array(text(4_096).min(1))
    .min(1)
    .max(16)
    .optional()
    .describe("Runs the script; default: its #! line, else /bin/sh."),
  args: z
    .array(text(LIMITS.argumentBytes))
    .max(LIMITS.arguments)
    .optional()
    .describe("Arguments of the script."),
  handler: handlerReference
    .optional()
    .describe(
      'A function that workers announce, as "resize" or, for some of its versions, "resize@^2".',
    ),
  input: anyJson.optional().describe("What the handler gets: any JSON."),
  env: z
    .record(envName, text(131_072))
    .refine(few(LIMITS.env), `at most ${LIMITS.env} variables`)
    .optional(),
  cwd: directory
    .optional()
    .describe("Absolute directory on the worker; default: the attempt's own work directory."),
  bundle: bundleReference
    .optional()
    .describe(
      'Files that the attempt starts with a copy of: "etl", "etl@3", "etl@stable" or a digest. The record has the digest.',
    ),
  // what is larger than a value may be is refused with its size, see requireStorable
  stdin: text(2 * MAX_VALUE_BYTES)
    .optional()
    .describe("Text given on standard input, which is closed otherwise."),
  secrets: z
    .record(envName, secretReference)
    .refine(few(LIMITS.secrets), `at most ${LIMITS.secrets} secrets`)
    .optional()
    .describe("Variables whose values the worker has: file:<name> or env:<NAME>."),
  limits: limitsSchema.optional(),
  signature: signatureSchema.optional(),
  require: z
    .array(constraint)
    .max(LIMITS.constraints)
    .optional()
    .describe("Tests that a worker's labels must pass."),
  prefer: z
    .array(affinity)
    .max(LIMITS.constraints)
    .optional()
    .describe("Tests that raise (or lower) a worker's rank."),
  key: text(256)
    .min(1)
    .optional()
    .describe(
      "Jobs of a queue with the same key take turns with the other keys; see the queue's `perKey`.",
    ),
  unique: z
    .strictObject({
      key: text(256).min(1).describe("Holds for the whole installation."),
      for: duration().optional().describe("Stands at least this long after the submit."),
    })
    .optional()
    .describe(
      "Submits nothing while a job with the same unique key has not finished: that one is the answer.",
    ),
  worker: z
    .string()
    .refine((value) => isName(value) || isWorkerId(value), "must be a worker's name or id")
    .optional()
    .describe("Run on this worker (its name or id) only."),
  slots: z.int().min(1).max(1_024).optional().describe("Slots the job takes; default 1."),
  priority: z.int().min(0).max(9).optional().describe("9 goes first; default 5."),
  runAt: date.optional().describe("Not before this instant."),
  delay: duration().optional().describe("Not before this long after the submit."),
  startWithin: duration({ minMs: 1 })
    .optional()
    .describe("Expires unless started this long after it could first run."),
  timeout: duration({ minMs: 1 }).optional().describe("Longest run of one attempt; default none."),
  grace: duration({ maxMs: 3_600_000 })
    .optional()
    .describe("Time between TERM and KILL; default 10s."),
  retry: retrySchema.optional(),
  onWorkerLost: z
    .enum(["retry", "fail"])
    .optional()
    .describe("What a dead worker means for the job; default retry."),
  stopOnDisconnect: duration({ minMs: 1_000 })
    .optional()
    .describe("The worker ends the attempt itself after this long without the broker."),
  maxOutput: z
    .int()
    .min(1_024)
    .max(1_099_511_627_776)
    .optional()
    .describe("Bytes of output kept per attempt: head and tail; default 1 GiB."),
  artifacts: artifactPatternsSchema.optional(),
  artifactLimits: artifactLimitsSchema.optional(),
  labels: z
    .record(labelKey, text(256))
    .refine(few(LIMITS.labels), `at most ${LIMITS.labels} labels`)
    .optional()
    .describe("Your own facts about the job."),
  reservation: z
    .string()
    .refine(isJobId, "must be a reservation's id")
    .optional()
    .describe("Run in the slots of this reservation, which must be one's own."),
  retention: retentionSchema
    .optional()
    .describe("How long the finished job can be read, for all final states or each; default 7d."),
});

/** What a queue may say for jobs that do not. */
export const defaultsSchema = fields.pick({
  priority: true,
  timeout: true,
  grace: true,
  startWithin: true,
  retry: true,
  onWorkerLost: true,
  maxOutput: true,
  retention: true,
});

/** A job as asked for. Durations stay in the caller's own words; what was left out stays out. */
export type JobSpec = z.infer<typeof fields>;
export type RetryPolicy = z.infer<typeof retrySchema>;

export const jobSpecSchema = z.compile(
  fields.superRefine((spec, context) => {
    for (const flaw of contradictions(spec)) context.addIssue({ code: "custom", ...flaw });
  }),
);

/** The field path of a schema issue as people write it: `command[3]`, `retry.attempts`. */
export function fieldPath(parts: readonly PropertyKey[]): string {
  return parts.reduce<string>(
    (path, part) =>
      typeof part === "number"
        ? `${path}[${part}]`
        : path === ""
          ? String(part)
          : `${path}.${String(part)}`,
    "",
  );
}

/** The spec in an unknown value; throws `invalid_spec` with the first offending field. */
export function parseSpec(value: unknown): JobSpec {
  const parsed = jobSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw specError(parsed.error);
}

export function specError(error: z.ZodError): MillraceError {
  const issue = error.issues[0];
  const where =
    issue === undefined
      ? []
      : issue.code === "unrecognized_keys"
        ? [...issue.path, issue.keys[0] ?? ""]
        : issue.path;
  const field = fieldPath(where);
  return new MillraceError(
    "invalid_spec",
    field === "" ? (issue?.message ?? "invalid") : `${field}: ${issue?.message ?? "invalid"}`,
    {
      cause: error,
      ...(field === "" ? {} : { field }),
    },
  );
}

/** What holds when a spec does not say. */
export const SPEC_DEFAULTS = {
  queue: "default",
  slots: 1,
  priority: 5,
  graceMs: 10_000,
  maxOutputBytes: 1_073_741_824,
} as const;

/** Epoch ms before which the job must not run, or undefined when it may run at once. */
export function notBeforeOf(spec: JobSpec, submittedAt: number): number | undefined {
  if (spec.runAt !== undefined) return Date.parse(spec.runAt);
  return spec.delay === undefined ? undefined : submittedAt + durationMs(spec.delay);
}
