// Talks to the schedulers as a caller does, and says of each answer what a caller may conclude from it.
import type { JobState } from "../../src/shared/job.ts";
import type { JobSpec } from "../../src/shared/spec.ts";
import type { Answer } from "./checker/history.ts";

export type Reply = { askedAt: number; answer: Answer; job?: string; code?: string };

export type WorkerShown = {
  id: string;
  status: string;
  slots: { used: number };
  running: { job: string }[];
};

/** What a scheduler shows of everything. */
export type View = {
  jobs: Record<JobState, number>;
  workers: WorkerShown[];
  leader?: { url?: string };
};

const TIMEOUT_MS = 15_000;
const OUTPUT_TIMEOUT_MS = 60_000;

export const submitJob = (url: string, spec: JobSpec, key: string | undefined): Promise<Reply> =>
  send("POST", `${url}/v1/jobs`, spec, key === undefined ? {} : { "idempotency-key": key });

export const cancelJob = (url: string, job: string): Promise<Reply> =>
  send("POST", `${url}/v1/jobs/${job}/cancel`, {});

export const retryJob = (url: string, job: string): Promise<Reply> =>
  send("POST", `${url}/v1/jobs/${job}/retry`, {});

export async function limitQueue(url: string, queue: string, maxRunning: number): Promise<boolean> {
  return (await send("PUT", `${url}/v1/queues/${queue}`, { maxRunning })).answer === "accepted";
}

export async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).ok;
  } catch {
    return false; // not there, which is an answer too
  }
}

/** Throws when the scheduler does not answer. */
export async function viewOf(url: string): Promise<View> {
  const [stats, { workers }] = await Promise.all([
    get<Omit<View, "workers">>(`${url}/v1/stats`),
    get<Pick<View, "workers">>(`${url}/v1/workers`),
  ]);
  return { ...stats, workers };
}

/** The stored output of an attempt as NDJSON; undefined when the job has no such attempt. */
export async function readOutput(
  url: string,
  job: string,
  attempt: number,
): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/jobs/${job}/logs?attempt=${attempt}&format=ndjson`, {
    signal: AbortSignal.timeout(OUTPUT_TIMEOUT_MS),
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the output of ${job} answered ${response.status}`);
  return response.text();
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}

async function send(
  method: string,
  url: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const askedAt = Date.now();
  try {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { id, code } = (await response.json()) as { id?: string; code?: string };
    if (response.ok)
      return { askedAt, answer: "accepted", ...(id === undefined ? {} : { job: id }) };
    const answer = response.status >= 500 ? "unknown" : "refused";
    return { askedAt, answer, ...(code === undefined ? {} : { code }) };
  } catch {
    return { askedAt, answer: "unknown" }; // it may have arrived
  }
}
