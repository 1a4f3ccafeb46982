// Artifacts: the files that an attempt leaves behind, as specs ask for them and records tell of them.
import { z } from "zod";

import { isPathPattern } from "./artifact-pattern.ts";
import { text } from "./fields.ts";
import { digestSchema, type Digest } from "./file.ts";
import type { Reference } from "./reference.ts";
import { decodeStored } from "./stored.ts";

export type Artifact = {
  /** Relative to the work directory, its parts divided by `/`. */
  path: string;
  bytes: number;
  digest: Digest;
  /** Permission bits. */
  mode: number;
};

/** What an attempt left behind. */
export type AttemptArtifacts = {
  count: number;
  bytes: number;
  /** Sorted by path; absent where there are so many that they stand in a file of their own. */
  files?: Artifact[];
  manifest?: Reference;
  /** What was left out, and why. */
  note?: string;
};

/** How much one attempt may leave behind. */
export type ArtifactLimits = { files: number; fileBytes: number; totalBytes: number };

export const ARTIFACT_LIMITS: ArtifactLimits = {
  files: 1_000,
  fileBytes: 104_857_600,
  totalBytes: 1_073_741_824,
};

const MAX_FILES = 10_000;
const MAX_PATTERNS = 64;
const MAX_PATH_BYTES = 1_024;

export const artifactPatternsSchema = z
  .array(
    text(256)
      .min(1)
      .refine(
        isPathPattern,
        "must be a path relative to the work directory, without ..; * and ? stand for parts of a name, ** alone for any directories",
      ),
  )
  .min(1)
  .max(MAX_PATTERNS)
  .describe(
    'Files of the work directory that are kept after each attempt, as "out/**" or "*.log".',
  );

const bytes = z
  .int()
  .min(0)
  .max(2 ** 50);

export const artifactLimitsSchema = z
  .strictObject({
    files: z.int().min(0).max(MAX_FILES).optional().describe("How many; default 1,000."),
    fileBytes: bytes.optional().describe("The largest; default 100 MiB."),
    totalBytes: bytes.optional().describe("All of an attempt; default 1 GiB."),
  })
  .describe("Beyond this artifacts are left out; where the worker allows less, that holds.");

/** The lower of what the worker allows and what the job asks for. */
export function lowerLimits(
  allowed: ArtifactLimits,
  asked: z.infer<typeof artifactLimitsSchema> = {},
): ArtifactLimits {
  const { files = Infinity, fileBytes = Infinity, totalBytes = Infinity } = asked;
  return {
    files: Math.min(allowed.files, files, MAX_FILES),
    fileBytes: Math.min(allowed.fileBytes, fileBytes),
    totalBytes: Math.min(allowed.totalBytes, totalBytes),
  };
}

/** True for a path that can be stored, shown and written again anywhere: relative, within its directory, without control characters. */
export function isArtifactPath(path: string): boolean {
  return (
    !/[\p{Cc}\p{Surrogate}\uFFFD\\]/u.test(path) &&
    Buffer.byteLength(path) <= MAX_PATH_BYTES &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}

const artifact: z.ZodType<Artifact> = z.object({
  path: z.string().refine(isArtifactPath),
  bytes: z.int().min(0),
  digest: digestSchema,
  mode: z.int().min(0).max(0o777),
});

export const artifactsSchema = z.array(artifact);

const manifest = z.object({ v: z.literal(1), files: artifactsSchema });

export const encodeManifest = (files: readonly Artifact[]): string =>
  JSON.stringify({ v: 1, files });

/** The artifacts in a manifest; undefined when it is none. */
export const decodeManifest = (content: string): Artifact[] | undefined =>
  decodeStored(content, manifest)?.files;
