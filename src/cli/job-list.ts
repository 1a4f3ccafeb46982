// Pages through the server's list of jobs.
import type { Api } from "../client/api.ts";
import type { JobView } from "./views.ts";

export type JobFilter = {
  state?: string;
  queue?: string;
  label?: string;
  definition?: string;
  handler?: string;
  worker?: string;
  exitCode?: number;
  from?: string;
  to?: string;
  sort?: string;
};

type Page = { jobs: JobView[]; next?: string };

const PAGE_SIZE = 200;

/** At most `limit` jobs that pass the filter, newest first; `path` is the list that is read. */
export async function* listJobs(
  api: Api,
  filter: JobFilter,
  limit: number,
  path = "/v1/jobs",
): AsyncIterable<JobView> {
  let cursor: string | undefined;
  for (let left = limit; left > 0;) {
    const page = await api.call<Page>(path, {
      query: { ...filter, limit: Math.min(left, PAGE_SIZE), cursor },
    });
    yield* page.jobs;
    left -= page.jobs.length;
    cursor = page.next;
    if (cursor === undefined) return;
  }
}
