// One job over HTTP: submitted once whatever happens, found at once, waited for, cancelled, retried, removed.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../../lab/until.ts";
import { newJobId, startHttpLab, WORKER, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;
let others: Replica[];

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
  others = [await lab.addReplica(), await lab.addReplica()];
});
afterAll(() => lab[Symbol.asyncDispose]());

const spec = { command: ["echo", "hi"], labels: { app: "site" }, queue: "builds" };

describe("submitting", () => {
  it("stores the job and says where it is", async () => {
    const { status, headers, body } = await api.call("POST", "/v1/jobs", spec);
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    expect(headers.get("etag")).toMatch(/^"\d+"$/);
    expect(body).toMatchObject({
      state: "queued",
      queue: "builds",
      priority: 5,
      labels: { app: "site" },
      attempt: 0,
      spec,
    });
    expect(new Date(body.submittedAt).toISOString()).toBe(body.submittedAt);
    expect((await lab.store.read(body.id))?.record.state).toBe("queued");
  });

  it("can be read back at once from every replica", async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await lab.submit(spec);
      const answers = await Promise.all(
        [api, ...others].map((one) => one.call("GET", `/v1/jobs/${id}`)),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    }
  });

  it("makes one job of a hundred equal submits over three replicas", async () => {
    const before = await lab.stored();
    const replicas = [api, ...others];
    const sent = Array.from({ length: 100 }, (_, n) =>
      (replicas[n % 3] as Replica).call("POST", "/v1/jobs", spec, { "Idempotency-Key": "once" }),
    );
    const answers = await Promise.all(sent);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(
      answers.filter(({ headers }) => headers.has("idempotent-replayed")).length,
    ).toBeGreaterThanOrEqual(97);
    expect(await lab.stored()).toBe(before + 1);
  });

  it("takes another order of the fields for the same body, and another body for a conflict", async () => {
    const key = { "Idempotency-Key": "reordered" };
    const first = await api.call(
      "POST",
      "/v1/jobs",
      { queue: "a", command: ["true"], env: { A: "1", B: "2" } },
      key,
    );
    const again = await api.call(
      "POST",
      "/v1/jobs",
      { env: { B: "2", A: "1" }, command: ["true"], queue: "a" },
      key,
    );
    expect(again.body.id).toBe(first.body.id);
    const other = await api.call("POST", "/v1/jobs", { queue: "b", command: ["true"] }, key);
    expect(other).toMatchObject({
      status: 409,
      body: { code: "idempotency_conflict", field: "Idempotency-Key" },
    });
  });

  it("takes a thousand jobs at once, or none of them", async () => {
    const jobs = Array.from({ length: 1_000 }, (_, n) => ({ command: ["echo", String(n)] }));
    const before = await lab.stored();
    const { status, body } = await api.call<{ jobs: { id: string }[] }>("POST", "/v1/jobs/batch", {
      jobs,
    });
    expect(status).toBe(202);
    expect(new Set(body.jobs.map(({ id }) => id)).size).toBe(1_000);
    expect(await lab.stored()).toBe(before + 1_000);
    const last = await lab.store.read(body.jobs[999]?.id ?? "");
    expect(last?.record.spec.command).toEqual(["echo", "999"]);

    const flawed = jobs.with(3, { command: ["x"], timeout: "soon" } as never);
    const refused = await api.call("POST", "/v1/jobs/batch", { jobs: flawed });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: "invalid_spec", field: "jobs[3].timeout" },
    });
    const many = await api.call("POST", "/v1/jobs/batch", { jobs: [...jobs, ...jobs] });
    expect(many).toMatchObject({ status: 422, body: { field: "jobs" } });
    expect(await lab.stored()).toBe(before + 1_000);
  });

  it("makes a batch of the same key only once", async () => {
    const send = [1, 2].map(() =>
      api.call<{ jobs: { id: string }[] }>(
        "POST",
        "/v1/jobs/batch",
        { jobs: [spec, spec] },
        { "Idempotency-Key": "twice" },
      ),
    );
    const [first, again] = await Promise.all(send);
    expect(again?.body).toEqual(first?.body);
    expect(new Set(first?.body.jobs.map(({ id }) => id)).size).toBe(2);
  });
});

describe("looking", () => {
  it("answers 304 until the job changes", async () => {
    const id = await lab.submit();
    const { headers } = await api.call("GET", `/v1/jobs/${id}`);
    const known = { "If-None-Match": headers.get("etag") ?? "" };
    expect((await api.call("GET", `/v1/jobs/${id}`, undefined, known)).status).toBe(304);
    await lab.start(id);
    const changed = await api.call("GET", `/v1/jobs/${id}`, undefined, known);
    expect(changed).toMatchObject({
      status: 200,
      body: { state: "running", worker: WORKER, attempt: 1 },
    });
  });

  it("shows a job as running from its assignment", async () => {
    const id = await lab.submit();
    const found = await lab.store.read(id);
    const { assign } = api.broker.subjects;
    const items = [{ attempt: 1, seq: found?.seq, record: found?.record }];
    await api.broker.publish(assign.to(WORKER), JSON.stringify({ v: 1, epoch: 1, items }));
    const shown = await until(async () => {
      const { body } = await api.call("GET", `/v1/jobs/${id}`);
      return body.state === "running" && body;
    }, "the assignment to show");
    expect(shown).toMatchObject({
      attempt: 1,
      worker: WORKER,
      attempts: [{ number: 1, worker: WORKER }],
    });
    expect((await lab.store.read(id))?.record.state).toBe("queued");
  });

  it("tells how a job ended", async () => {
    const id = await lab.submit();
    await lab.finish(id, { exitCode: 7 });
    const { body } = await api.call("GET", `/v1/jobs/${id}`);
    expect(body).toMatchObject({
      state: "failed",
      exitCode: 7,
      outcome: "exited",
      reason: "exited with code 7",
    });
    expect(Date.parse(body.finishedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(body.submittedAt));
  });

  it("waits for the end when asked to", async () => {
    const id = await lab.submit();
    const waits = [api, ...others].map((one) => one.call("GET", `/v1/jobs/${id}?wait=30s`));
    await lab.start(id);
    await lab.finish(id);
    for (const { status, body } of await Promise.all(waits))
      expect({ status, state: body.state }).toEqual({ status: 200, state: "succeeded" });
    const after = await api.call("GET", `/v1/jobs/${id}?wait=30s`);
    expect(after.body.state).toBe("succeeded");
  });

  it("gives up waiting when the time is up", async () => {
    const { status, body } = await api.call("POST", "/v1/jobs?wait=50ms", spec);
    expect({ status, state: body.state }).toEqual({ status: 202, state: "queued" });
    const waited = await api.call("GET", `/v1/jobs/${body.id}?wait=50ms`);
    expect(waited.body.state).toBe("queued");
  });

  it("answers a submit that waits with the final job", async () => {
    const key = { "Idempotency-Key": "waits" };
    const pending = api.call("POST", "/v1/jobs?wait=30s", spec, key);
    const { body } = await api.call("POST", "/v1/jobs", spec, key);
    await lab.finish(body.id);
    expect(await pending).toMatchObject({ status: 200, body: { id: body.id, state: "succeeded" } });
  });
});

describe("changing", () => {
  it("stores the wish to cancel, twice if need be, and refuses it for a finished job", async () => {
    const id = await lab.submit();
    const first = await api.call("POST", `/v1/jobs/${id}/cancel`, { reason: "changed my mind" });
    expect(first).toMatchObject({ status: 202, body: { state: "queued", cancelRequested: true } });
    expect((await api.call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(202);
    const intent = await lab.store.cancelIntent(id);
    expect(JSON.parse(Buffer.from(intent?.data ?? []).toString())).toMatchObject({
      reason: "changed my mind",
    });

    const done = await lab.submit();
    await lab.finish(done);
    expect(await api.call("POST", `/v1/jobs/${done}/cancel`)).toMatchObject({
      status: 409,
      body: { code: "job_finished" },
    });
  });

  it("retries a finished job only, and drops an old wish to end", async () => {
    const id = await lab.submit();
    expect(await api.call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({
      status: 409,
      body: { code: "job_not_finished" },
    });
    await api.call("POST", `/v1/jobs/${id}/cancel`);
    await lab.finish(id, { exitCode: 1 });
    expect(await api.call("POST", `/v1/jobs/${id}/retry`)).toMatchObject({
      status: 202,
      body: { state: "queued", attempt: 1 },
    });
    expect((await lab.store.cancelIntent(id))?.data.byteLength).toBe(0);
    expect((await lab.store.read(id))?.record).toMatchObject({ series: 1 });
  });

  it("removes a finished job only, everywhere", async () => {
    const id = await lab.submit();
    expect(await api.call("DELETE", `/v1/jobs/${id}`)).toMatchObject({
      status: 409,
      body: { code: "job_not_finished" },
    });
    await lab.finish(id);
    expect((await api.call("DELETE", `/v1/jobs/${id}`)).status).toBe(204);
    for (const one of [api, ...others])
      expect(await one.call("GET", `/v1/jobs/${id}`)).toMatchObject({
        status: 404,
        body: { code: "job_not_found" },
      });
    expect((await api.call("DELETE", `/v1/jobs/${id}`)).status).toBe(404);
    await until(
      () => others.every(({ view }) => view.get(id) === undefined),
      "the replicas to forget it",
    );
  });

  it("lets a removed job's key be used again", async () => {
    const key = { "Idempotency-Key": "reborn" };
    const { body } = await api.call("POST", "/v1/jobs", spec, key);
    await lab.finish(body.id);
    await api.call("DELETE", `/v1/jobs/${body.id}`);
    const again = await api.call("POST", "/v1/jobs", { command: ["other"] }, key);
    expect(again).toMatchObject({ status: 202, body: { id: body.id, state: "queued" } });
  });

  it.each(["cancel", "retry"])("answers 404 to %s of a job that is not there", async (action) => {
    const answer = await api.call("POST", `/v1/jobs/${newJobId()}/${action}`);
    expect(answer).toMatchObject({ status: 404, body: { code: "job_not_found" } });
  });
});
