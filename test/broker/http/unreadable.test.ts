// What whoever has a worker's key may write in a record's place: the job is gone from all lists, and asking for it says why.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobRecord } from "../../../src/shared/job.ts";
import { until } from "../../lab/until.ts";
import { newJobId, startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Writes over the record of a job without asking, and waits until that is known. */
async function overwrite(id: string, text: string): Promise<void> {
  const { broker, view } = api;
  const { seq } = await broker.publish(broker.subjects.jobs.record(id), text);
  await until(() => view.newestSeq() >= seq, "the change to be known");
}

const changed = (change: (record: JobRecord) => object) => async (id: string) =>
  JSON.stringify(change((await lab.store.read(id))!.record));

const DAMAGE: [name: string, text: (id: string) => Promise<string> | string][] = [
  ["nothing", () => ""],
  ["no JSON", () => "rubbish"],
  ["what a later version writes", changed((record) => ({ ...record, v: 2 }))],
  ["another job's record", changed((record) => ({ ...record, id: newJobId() }))],
  ["no times", changed((record) => ({ ...record, submittedAt: undefined }))],
  ["a time beyond all dates", changed((record) => ({ ...record, submittedAt: 1e300 }))],
  ["no entries of a timeline", changed((record) => ({ ...record, timeline: [null] }))],
  ["a test that is none", changed((record) => ({ ...record, spec: { require: ["!!"] } }))],
  ["nothing to run", changed((record) => ({ ...record, spec: {} }))],
  ["nobody who runs it", changed((record) => ({ ...record, state: "running" }))],
];

describe.each(DAMAGE)("%s in a record's place", (_, textFor) => {
  it("is said by a problem of its own, and hides no other job", async () => {
    const other = await lab.submit();
    const id = await lab.submit();
    await until(() => api.view.get(id), "the job to be known");
    const waiting = api.call("GET", `/v1/jobs/${id}?wait=60s`);
    await overwrite(id, await textFor(id));

    const refusal = { status: 410, body: { code: "job_unreadable", status: 410 } };
    expect(await waiting).toMatchObject(refusal);
    for (const path of ["", "/logs", "/why", "/events"])
      expect(await api.call("GET", `/v1/jobs/${id}${path}`)).toMatchObject(refusal);
    for (const path of ["cancel", "retry"])
      expect(await api.call("POST", `/v1/jobs/${id}/${path}`)).toMatchObject(refusal);
    const list = await api.call<{ jobs: { id: string }[] }>("GET", "/v1/jobs");
    expect(list.status).toBe(200);
    const listed = list.body.jobs.map((job) => job.id);
    expect(listed).toContain(other);
    expect(listed).not.toContain(id);
    // and nobody is given what the leader still remembers of it
    expect(api.view.get(id)).toBeUndefined();
  });
});

it("can be removed", async () => {
  const id = await lab.submit();
  await overwrite(id, "rubbish");
  expect((await api.call("DELETE", `/v1/jobs/${id}`)).status).toBe(204);
  expect(await api.call("GET", `/v1/jobs/${id}`)).toMatchObject({
    body: { code: "job_not_found" },
  });
});

it("is nobody's: a tenant is told what holds for all jobs that are not theirs", async () => {
  const id = await lab.submit();
  await overwrite(id, "rubbish");
  const asTenant = { "Millrace-Namespace": "acme" };
  const answer = await api.call("GET", `/v1/jobs/${id}`, undefined, asTenant);
  expect(answer).toMatchObject({ status: 404, body: { code: "job_not_found" } });
});

it("stays until it is removed, also when the key is used again", async () => {
  const key = { "Idempotency-Key": "again" };
  const spec = { command: ["true"] };
  const { id } = (await api.call("POST", "/v1/jobs", spec, key)).body;
  await overwrite(id, "rubbish");
  const refused = await api.call("POST", "/v1/jobs", spec, key);
  expect(refused).toMatchObject({ status: 410, body: { code: "job_unreadable" } });
  expect((await api.call("DELETE", `/v1/jobs/${id}`)).status).toBe(204);
  const again = await api.call("POST", "/v1/jobs", spec, key);
  expect(again).toMatchObject({ status: 202, body: { id, state: "queued" } });
});
