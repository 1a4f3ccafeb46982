// The artifacts that a job shows: those of an attempt that its record knows, and so of none that was superseded.
import { text } from "node:stream/consumers";

import { decodeManifest, type Artifact, type AttemptArtifacts } from "../../shared/artifact.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { FileStore } from "../../shared/io/files.ts";
import type { Attempt, JobRecord } from "../../shared/job.ts";

export type JobArtifacts = Pick<AttemptArtifacts, "count" | "bytes" | "note"> & {
  /** Absent while no attempt has ended. */
  attempt?: number;
  /** Sorted by path. */
  files: Artifact[];
};

/** Of the newest attempt that has ended, or of the one that was asked for. Throws `attempt_not_found`. */
export async function artifactsOf(
  files: Pick<FileStore, "read">,
  record: JobRecord,
  number?: number,
): Promise<JobArtifacts> {
  const attempt = number === undefined ? newestEnded(record) : requireAttempt(record, number);
  const { count = 0, bytes = 0, note } = attempt?.artifacts ?? {};
  return {
    ...(attempt === undefined ? {} : { attempt: attempt.number }),
    count,
    bytes,
    files: attempt?.artifacts === undefined ? [] : await readList(files, attempt.artifacts),
    ...(note === undefined ? {} : { note }),
  };
}

const newestEnded = ({ attempts }: JobRecord): Attempt | undefined =>
  attempts.findLast(({ outcome }) => outcome !== undefined);

function requireAttempt({ id, attempts }: JobRecord, number: number): Attempt {
  const found = attempts.find((attempt) => attempt.number === number);
  if (found !== undefined) return found;
  throw new MillraceError(
    "attempt_not_found",
    `Job ${id} has no attempt ${number}, or has it no longer.`,
    {
      field: "attempt",
    },
  );
}

/** Throws `file_not_found` and what else reading the list fails with. */
export async function readList(
  files: Pick<FileStore, "read">,
  { files: listed = [], manifest }: AttemptArtifacts,
): Promise<Artifact[]> {
  if (manifest === undefined) return listed;
  const found = decodeManifest(await text(files.read(manifest.digest)));
  if (found !== undefined) return found;
  throw new MillraceError("file_damaged", `${manifest.digest} is no list of artifacts.`);
}
