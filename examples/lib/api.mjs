// The few HTTP calls that the examples share; any HTTP client would do.
import { setTimeout as sleep } from "node:timers/promises";

const BATCH = { jobs: 500, characters: 2_000_000 };

/** The specs in lists that a request can hold. */
function* batches(specs) {
  let batch = [];
  let characters = 0;
  for (const spec of specs) {
    const size = JSON.stringify(spec).length;
    if (batch.length === BATCH.jobs || (batch.length > 0 && characters + size > BATCH.characters)) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(spec);
    characters += size;
  }
  if (batch.length > 0) yield batch;
}

/** Millrace at `url`, as plain functions over fetch. */
export function millrace(url = process.env.MILLRACE_URL ?? "http://127.0.0.1:7070") {
  async function call(method, path, body) {
    const response = await fetch(new URL(path, url), {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }
  const json = async (...request) => (await call(...request)).json();

  return {
    /** Submits many specs; the ids come back in their order. */
    async submitAll(specs) {
      const ids = [];
      for (const batch of batches(specs)) {
        const { jobs } = await json("POST", "/v1/jobs/batch", { jobs: batch });
        ids.push(...jobs.map((job) => job.id));
      }
      return ids;
    },
    /** The job once it is finished. */
    async finished(id) {
      for (;;) {
        const job = await json("GET", `/v1/jobs/${id}?wait=60s`);
        if (job.finishedAt !== undefined) return job;
      }
    },
    /** What the job's newest attempt wrote to standard output. */
    output: async (id) => (await call("GET", `/v1/jobs/${id}/logs?channel=stdout`)).text(),
    /** Resolves when the worker is known and takes jobs. */
    async registered(workerId) {
      while (!(await this.workers()).some((worker) => worker.id === workerId)) await sleep(20);
    },
    workers: async () => (await json("GET", "/v1/workers")).workers,
    drain: (workerId) => json("POST", `/v1/workers/${workerId}/drain`),
  };
}
