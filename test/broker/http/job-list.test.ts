// Jobs are listed newest first, page by page, and a cursor is good for its own listing only.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobView } from "../../../src/scheduler/http/job-view.ts";
import { until } from "../../lab/until.ts";
import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

describe("listing", () => {
  type Page = { jobs: JobView[]; next?: string };

  it("goes through all jobs of a filter, newest first, without gap or repeat", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 25; n += 1)
      ids.push(
        await lab.submit({ command: ["true"], queue: "listed", labels: { n: String(n % 2) } }),
      );
    const last = ids.at(-1) ?? "";
    await until(() => api.view.get(last), "the index to know the newest");
    const seen: string[] = [];
    let path = "/v1/jobs?queue=listed&limit=10";
    for (let pages = 0; pages < 3; pages += 1) {
      const { body } = await api.call<Page>("GET", path);
      seen.push(...body.jobs.map(({ id }) => id));
      path = `/v1/jobs?queue=listed&limit=10&cursor=${body.next}`;
      await lab.submit({ command: ["true"], queue: "listed" });
    }
    expect(seen).toEqual(ids.toReversed());

    const odd = await api.call<Page>("GET", "/v1/jobs?queue=listed&label=n=1&limit=200");
    expect(odd.body.jobs).toHaveLength(12);
    expect(odd.body.next).toBeUndefined();
  });

  it("refuses a cursor of another listing", async () => {
    const { body } = await api.call<Page>("GET", "/v1/jobs?limit=1");
    const answer = await api.call("GET", `/v1/jobs?state=queued&limit=1&cursor=${body.next}`);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: "invalid_cursor", field: "cursor" },
    });
    expect((await api.call("GET", `/v1/jobs?limit=5&cursor=${body.next}`)).status).toBe(200);
  });
});
