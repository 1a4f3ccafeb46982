// Queue rules as they count at the submit, unique keys over several replicas, and dead letters.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobView } from "../../../src/scheduler/http/job-view.ts";
import { until } from "../../lab/until.ts";
import { newJobId, startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;
let replicas: Replica[];
const command = ["true"];

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
  replicas = [api, await lab.addReplica(), await lab.addReplica()];
});
afterAll(() => lab[Symbol.asyncDispose]());

async function rule(name: string, settings: object): Promise<void> {
  const { status, body } = await api.call("PUT", `/v1/queues/${name}`, settings);
  expect(status).toBe(200);
  expect(body).toEqual({ name, paused: false, ...settings });
  const isKnown = ({ view }: Replica) => view.queueSettings(name) !== undefined;
  await until(() => replicas.every(isKnown), "the settings to be known");
}

const unfinished = (queue: string) =>
  [...api.view.list({ queue, state: "queued", limit: 200 }).jobs].map(({ id }) => id);

async function fail(spec: object): Promise<string> {
  const id = await lab.submit(spec);
  await lab.finish(id, { outcome: "exited", exitCode: 1 });
  await until(() => api.view.get(id)?.state === "failed", "the job to have failed");
  return id;
}

const deadLetters = async (query = "") =>
  (await api.call<{ jobs: JobView[]; next?: string }>("GET", `/v1/dead-letters${query}`)).body;
const retryDead = (body: object) =>
  api.call<{ retried: string[]; refused: object[]; more: boolean }>(
    "POST",
    "/v1/dead-letters/retry",
    body,
  );

describe("a unique key", () => {
  it("makes one job of many submits over three replicas, and answers all with it", async () => {
    const spec = { command, queue: "once", unique: { key: "report" } };
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (replicas[n % 3] as Replica).call("POST", "/v1/jobs", spec),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const made = answers.filter(({ status }) => status === 202);
    expect(made).toHaveLength(1);
    const existing = answers.filter(({ status }) => status === 200);
    expect(existing.every(({ headers }) => headers.get("unique-existing") === "true")).toBe(true);
    await until(() => unfinished("once").length === 1, "one job to be left");
    await lab.finish(made[0]?.body.id as string);
    const next = await api.call("POST", "/v1/jobs", spec);
    expect(next.status).toBe(202);
    expect(next.body.id).not.toBe(made[0]?.body.id);
  });

  it("stands for a time when it is to, also when its job is over", async () => {
    const spec = { command, unique: { key: "hourly", for: "1h" } };
    const id = await lab.submit(spec);
    await lab.finish(id);
    const again = await api.call("POST", "/v1/jobs", spec);
    expect(again).toMatchObject({ status: 200, body: { id, state: "succeeded" } });
    await api.call("DELETE", `/v1/jobs/${id}`);
    await until(() => api.view.get(id) === undefined, "it to be gone");
    expect((await api.call("POST", "/v1/jobs", spec)).status).toBe(202);
  });

  it("does not change what an idempotency key stands for", async () => {
    const spec = { command, unique: { key: "taken-over" } };
    const key = { "Idempotency-Key": "before" };
    const first = await api.call("POST", "/v1/jobs", spec, key);
    await lab.finish(first.body.id);
    await until(() => api.view.get(first.body.id)?.state === "succeeded", "it to be over");
    const holder = await lab.submit(spec);
    expect(holder).not.toBe(first.body.id);
    const again = await api.call("POST", "/v1/jobs", spec, key);
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.headers.has("unique-existing")).toBe(false);
    const other = await api.call("POST", "/v1/jobs", { ...spec, priority: 9 }, key);
    expect(other.body.code).toBe("idempotency_conflict");
    const unseen = await api.call("POST", "/v1/jobs", spec, { "Idempotency-Key": "after" });
    expect(unseen).toMatchObject({ status: 200, body: { id: holder } });
  });

  it("counts within a batch", async () => {
    const jobs = [1, 2, 3].map((n) => ({ command: [`${n}`], unique: { key: "batch" } }));
    const { body } = await api.call<{ jobs: { id: string }[] }>("POST", "/v1/jobs/batch", { jobs });
    expect(new Set(body.jobs.map(({ id }) => id)).size).toBe(1);
  });
});

describe("a bounded queue", () => {
  it("refuses what is too much with the bound, and still answers for what it has", async () => {
    await rule("small", { maxQueued: 3 });
    const spec = { command, queue: "small" };
    const key = { "Idempotency-Key": "in-small" };
    const first = await api.call("POST", "/v1/jobs", spec, key);
    const answers = await Promise.all([1, 2, 3, 4].map(() => api.call("POST", "/v1/jobs", spec)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get("retry-after")).toBe("5");
    expect(refused?.body).toMatchObject({ code: "queue_full", field: "queue" });
    expect(refused?.body.detail).toContain("at most 3");
    const replayed = await api.call("POST", "/v1/jobs", spec, key);
    expect(replayed.body.id).toBe(first.body.id);
    const batch = await api.call("POST", "/v1/jobs/batch", { jobs: [{ command }, spec] });
    expect(batch).toMatchObject({ status: 429, body: { code: "queue_full" } });
  });
});

describe("defaults of a queue", () => {
  it("are written into the job, unless it says otherwise", async () => {
    await rule("tuned", { defaults: { priority: 8, timeout: "1m", retry: { attempts: 3 } } });
    const { body } = await api.call("POST", "/v1/jobs", { command, queue: "tuned", timeout: "5s" });
    expect(body).toMatchObject({
      priority: 8,
      spec: { priority: 8, timeout: "5s", retry: { attempts: 3 } },
    });
  });
});

describe("a key whose jobs have not finished", () => {
  it("is refused where the queue says so", async () => {
    await rule("strict", { perKey: { whenBusy: "reject" } });
    const spec = { command, queue: "strict", key: "a" };
    const id = await lab.submit(spec);
    const refused = await api.call("POST", "/v1/jobs", spec);
    expect(refused).toMatchObject({ status: 409, body: { code: "key_busy", field: "key" } });
    expect(refused.body.detail).toContain(id);
    expect((await api.call("POST", "/v1/jobs", { ...spec, key: "b" })).status).toBe(202);
  });

  it("is replaced where the queue says so: the older jobs are cancelled", async () => {
    await rule("newest", { perKey: { limit: 2, whenBusy: "replace" } });
    const spec = { command, queue: "newest", key: "a" };
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.push(await lab.submit(spec));
    await until(
      () => ids.filter((id) => api.view.get(id)?.cancelRequested).length === 2,
      "two to be cancelled",
    );
    expect(ids.map((id) => api.view.get(id)?.cancelRequested)).toEqual([true, true, false, false]);
  });
});

describe("dead letters", () => {
  it("are the jobs that failed for good: listed, and run again one by one, by filter or all", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1)
      ids.push(await fail({ command, queue: n < 2 ? "mail" : "web", labels: { n: `${n}` } }));
    const fine = await lab.submit();
    await lab.finish(fine);
    expect((await deadLetters()).jobs.map(({ id }) => id)).toEqual(ids.toReversed());
    expect((await deadLetters("?queue=mail&label=n=1")).jobs.map(({ id }) => id)).toEqual([ids[1]]);
    const page = await deadLetters("?limit=3");
    const rest = await deadLetters(`?limit=3&cursor=${page.next}`);
    expect(rest.jobs.map(({ id }) => id)).toEqual([ids[0]]);

    const unknown = newJobId();
    const one = await retryDead({ ids: [ids[3], fine, unknown] });
    expect(one.body).toEqual({
      retried: [ids[3]],
      refused: [
        { id: fine, code: "illegal_move" },
        { id: unknown, code: "job_not_found" },
      ],
      more: false,
    });
    expect((await retryDead({ filter: { queue: "mail" } })).body.retried.toSorted()).toEqual(
      ids.slice(0, 2).toSorted(),
    );
    expect((await retryDead({ filter: {} })).body.retried).toEqual([ids[2]]);
    expect((await deadLetters()).jobs).toEqual([]);
    expect((await lab.store.read(ids[0] as string))?.record).toMatchObject({
      state: "queued",
      series: 1,
    });
  });

  it.each([
    [{}, "ids"],
    [{ ids: [] }, "ids"],
    [{ ids: ["no-id"] }, "ids[0]"],
    [{ ids: [newJobId()], filter: {} }, "ids"],
    [{ filter: { queue: "a.b" } }, "filter.queue"],
    [{ filter: { state: "failed" } }, "filter.state"],
    [{ all: true }, "all"],
  ])("refuse %j", async (body, field) => {
    expect(await retryDead(body)).toMatchObject({
      status: 422,
      body: { code: "invalid_spec", field },
    });
  });
});

describe("settings that make no sense", () => {
  it.each([
    [{ maxQueued: 0 }, "maxQueued"],
    [{ rate: { limit: 5 } }, "rate.per"],
    [{ rate: { limit: 0, per: "1s" } }, "rate.limit"],
    [{ rate: { limit: 5, per: "2h" } }, "rate.per"],
    [{ perKey: { limit: 0 } }, "perKey.limit"],
    [{ perKey: { whenBusy: "panic" } }, "perKey.whenBusy"],
    [{ ageing: "1ms" }, "ageing"],
    [{ defaults: { command: ["true"] } }, "defaults.command"],
    [{ defaults: { retry: { attempts: 0 } } }, "defaults.retry.attempts"],
    [{ fairness: true }, "fairness"],
  ])("%j", async (settings, field) => {
    const answer = await api.call("PUT", "/v1/queues/odd", settings);
    expect(answer).toMatchObject({ status: 422, body: { code: "invalid_spec", field } });
  });
});
