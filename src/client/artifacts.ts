// What jobs left behind, and values too large to come with the job, read from the server.
import { text } from "node:stream/consumers";

import type { Artifact } from "../shared/artifact.ts";
import { withPart, type LargePart } from "../shared/reference.ts";
import type { JobView } from "../scheduler/http/job-view.ts";
import type { Api } from "./api.ts";
import { jobPath } from "./jobs.ts";

export type ArtifactList = {
  /** Absent while no attempt has ended. */
  attempt?: number;
  count: number;
  /** Of all together. */
  bytes: number;
  /** Sorted by path. */
  files: Artifact[];
  /** What was left out, and why. */
  note?: string;
};

export type ArtifactOptions = {
  /** Default: the newest that has ended. */
  attempt?: number | undefined;
  signal?: AbortSignal;
};

const OCTETS = "application/octet-stream";

export const listArtifacts = (
  api: Api,
  id: string,
  { attempt, signal }: ArtifactOptions = {},
): Promise<ArtifactList> =>
  api.call(`${jobPath(id)}/artifacts`, { query: { attempt }, ...(signal && { signal }) });

/** The bytes as they arrive. */
export async function* readArtifact(
  api: Api,
  id: string,
  path: string,
  { attempt, signal }: ArtifactOptions = {},
): AsyncGenerator<Uint8Array> {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  const call = { query: { attempt }, ...(signal && { signal }) };
  yield* await api.open(`${jobPath(id)}/artifacts/${encoded}`, OCTETS, call);
}

/** The job with the values that were too large to come along. */
export async function wholeJob(api: Api, job: JobView): Promise<JobView> {
  let { large: _large, ...whole } = job;
  for (const [part, { url }] of Object.entries(job.large ?? {}))
    whole = withPart(whole, part as LargePart, await text(await api.open(url, OCTETS)));
  return whole;
}
