// Large values over HTTP, also when the store has lost one.
import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";

import { digestOf } from "../../../src/shared/file.ts";
import { createFileStore } from "../../../src/shared/io/files.ts";
import { startHttpLab, type HttpLab } from "./http-lab.ts";

let lab: HttpLab;
beforeAll(async () => {
  lab = await startHttpLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

const stdin = "y".repeat(100_000);
const command = ["cat"];

it.each([
  ["small", 1_000],
  ["large", 100_000],
  ["huge", 2_000_000],
])("answers a submit with the job as it is shown later: a %s value", async (_size, bytes) => {
  const text = "z".repeat(bytes);
  for (const spec of [
    { command, stdin: text },
    { handler: "greet", input: { text } },
  ]) {
    const { status, body } = await lab.first.call("POST", "/v1/jobs", spec);
    expect(status).toBe(202);
    expect(JSON.stringify(body).length).toBeLessThan(1_048_576);
    // not as values: what differs may be huge
    const shown = (await lab.first.call("GET", `/v1/jobs/${body.id}`)).body;
    expect(JSON.stringify(body) === JSON.stringify(shown)).toBe(true);
    expect(Object.keys(body.large ?? {})).toHaveLength(bytes > 1_048_576 ? 1 : 0);
  }
});

it("shows a job whose value is lost, and says where it was", async () => {
  const id = await lab.submit({ command, stdin });
  expect((await lab.first.call("GET", `/v1/jobs/${id}`)).body.spec).toEqual({ command, stdin });
  const files = createFileStore(lab.first.broker, { spoolDir: tmpdir() });
  const stored = await files.stat(digestOf(Buffer.from(stdin)));
  await files.remove(stored!);
  const { status, body } = await lab.first.call("GET", `/v1/jobs/${id}`);
  expect([status, body.spec]).toEqual([200, { command }]);
  const url = `/v1/jobs/${id}/values/stdin`;
  expect(body.large).toEqual({ stdin: { bytes: 100_000, url } });
  expect((await lab.first.call("GET", url)).body).toMatchObject({ code: "file_not_found" });
});

it("asks the broker for nothing that is no digest, whoever wrote it into a record", async () => {
  const id = await lab.submit({ command });
  const forged = { digest: "sha256:>" as const, bytes: 1 };
  await lab.store.update(id, (record) => ({ ...record, references: { stdin: forged } }));
  for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/values/stdin`]) {
    const { status, body } = await lab.first.call("GET", path);
    expect([status, body.code]).toEqual([410, "job_unreadable"]);
  }
});

it("counts large values by themselves, and names the one that is too large", async () => {
  const script = "#".repeat(400_000);
  expect((await lab.first.call("POST", "/v1/jobs", { script, stdin })).status).toBe(202);
  const input = "z".repeat(4_194_303);
  const jobs = [{ command }, { handler: "greet", input }];
  const { status, body } = await lab.first.call("POST", "/v1/jobs/batch", { jobs });
  expect([status, body]).toMatchObject([413, { code: "body_too_large", field: "jobs[1].input" }]);
});
