// What the commands do with jobs on a server.
import { randomUUID } from "node:crypto";

import { isFinal } from "../shared/job.ts";
import type { JobSpec } from "../shared/spec.ts";
import type { Api } from "./api.ts";
import { persistently } from "./persistence.ts";
import type { JobView } from "../scheduler/http/job-view.ts";

const WAIT_S = 60;

/** Submits once, however often the connection breaks meanwhile: without a key of the caller's own, one is made up. */
export function submit(
  api: Api,
  spec: JobSpec,
  key: string = randomUUID(),
  signal?: AbortSignal,
): Promise<JobView> {
  return api.call<JobView>("/v1/jobs", {
    method: "POST",
    body: spec,
    headers: { "idempotency-key": key },
    ...(signal && { signal }),
  });
}

export function getJob(api: Api, id: string, signal?: AbortSignal): Promise<JobView> {
  return api.call<JobView>(jobPath(id), signal ? { signal } : {});
}

/** The job once it is final. Survives a server that goes away for a while. */
export async function awaitEnd(api: Api, id: string, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await persistently(signal, () =>
      api.call<JobView>(jobPath(id), {
        query: { wait: `${WAIT_S}s` },
        timeoutMs: (WAIT_S + 15) * 1_000,
        signal,
      }),
    );
    if (isFinal(job.state)) return job;
  }
}

export function cancel(api: Api, id: string, reason?: string): Promise<JobView> {
  return api.call<JobView>(`${jobPath(id)}/cancel`, {
    method: "POST",
    body: reason === undefined ? {} : { reason },
  });
}

/** Path of a job; whatever was typed stays one segment of it. */
export const jobPath = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;
