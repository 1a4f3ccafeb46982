// What the routes of groups and definitions refuse, and that nothing is stored then.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { startHttpLab, type HttpLab } from "./http-lab.ts";

let lab: HttpLab;
beforeAll(async () => (lab = await startHttpLab()));
afterAll(() => lab?.[Symbol.asyncDispose]());

const GONE = "z".repeat(20);
const spec = { command: ["true"] };
const group = { members: [{ name: "a", spec, count: 3 }] };

type Group = Problem & { id: string; progress: object; state: string };
const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  lab.first.call<Group>(method, path, body, headers);

describe("groups", () => {
  it("are stored in one write and answered with what is planned", async () => {
    const before = await lab.stored();
    const { status, body, headers } = await call("POST", "/v1/groups", group);
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(`/v1/groups/${body.id}`);
    expect(body).toMatchObject({ state: "running", progress: { total: 3, waiting: 3 } });
    expect(await lab.stored()).toBe(before);
  });

  it.each([
    ["POST", "/v1/groups", { members: [] }, 422, "invalid_spec"],
    ["POST", "/v1/groups", { members: [{ name: "a", spec, needs: ["b"] }] }, 422, "invalid_spec"],
    ["POST", "/v1/groups?wait=2h", group, 400, "invalid_query"],
    [
      "POST",
      "/v1/groups",
      { members: [{ name: "a", spec: { script: "x".repeat(600_000) } }] },
      422,
      "invalid_spec",
    ],
    [
      "POST",
      "/v1/groups",
      { members: [{ name: "a", spec: { ...spec, reservation: GONE } }] },
      404,
      "not_found",
    ],
    ["GET", `/v1/groups/${GONE}`, undefined, 404, "group_not_found"],
    ["GET", "/v1/groups/nope", undefined, 400, "invalid_id"],
    ["GET", "/v1/groups?state=done", undefined, 400, "invalid_query"],
    ["GET", "/v1/groups?limit=0", undefined, 400, "invalid_query"],
    ["GET", "/v1/groups?cursor=abc", undefined, 400, "invalid_cursor"],
    ["GET", `/v1/groups/${GONE}/jobs`, undefined, 404, "group_not_found"],
    ["POST", `/v1/groups/${GONE}/cancel`, {}, 404, "group_not_found"],
    ["POST", `/v1/groups/${GONE}/retry`, undefined, 404, "group_not_found"],
    ["DELETE", `/v1/groups/${GONE}`, undefined, 404, "group_not_found"],
    ["PUT", "/v1/groups", group, 405, "method_not_allowed"],
  ])("%s %s is refused", async (method, path, body, status, code) => {
    expect(await call(method, path, body)).toMatchObject({ status, body: { code } });
  });

  it("that run are neither retried nor removed, and are cancelled once", async () => {
    const { body } = await call("POST", "/v1/groups", group);
    const path = `/v1/groups/${body.id}`;
    expect((await call("POST", `${path}/retry`)).body.code).toBe("job_not_finished");
    expect((await call("DELETE", path)).body.code).toBe("job_not_finished");
    expect((await call("POST", `${path}/cancel`, { why: "x" })).status).toBe(422);
    for (const _time of [1, 2])
      expect(await call("POST", `${path}/cancel`)).toMatchObject({
        status: 202,
        body: { cancelRequested: true },
      });
  });
});

describe("definitions", () => {
  it.each([
    ["PUT", "/v1/definitions/d", {}, 422, "spec"],
    ["PUT", "/v1/definitions/d", { spec, steps: [] }, 422, "steps"],
    ["PUT", "/v1/definitions/d", { spec, parameters: { type: "array" } }, 422, "parameters.type"],
    ["PUT", "/v1/definitions/d", { spec: { command: ["${a}"] } }, 422, "spec.command[0]"],
    ["PUT", "/v1/definitions/a%20b", { spec }, 400, "name"],
    ["GET", "/v1/definitions/none", undefined, 404, undefined],
    ["DELETE", "/v1/definitions/none", undefined, 404, undefined],
    ["POST", "/v1/definitions/none/runs", {}, 404, undefined],
    ["POST", "/v1/definitions/none/runs", { parameters: {} }, 422, "parameters"],
    ["GET", "/v1/definitions/none/runs?sort=worker", undefined, 400, "sort"],
    ["GET", "/v1/definitions/none/runs?exitCode=x", undefined, 400, "exitCode"],
    ["GET", "/v1/definitions/none/runs?from=yesterday", undefined, 400, "from"],
    ["GET", "/v1/definitions/none/runs?cursor=abc", undefined, 400, "cursor"],
    ["DELETE", "/v1/definitions/none/runs?state=gone", undefined, 400, "state"],
  ])("%s %s is refused", async (method, path, body, status, field) => {
    const answer = await call(method, path, body);
    expect({ status: answer.status, field: answer.body.field }).toEqual({ status, field });
    expect((await call("GET", "/v1/definitions/d")).status).toBe(404);
  });

  const put = (headers: Record<string, string>) =>
    call("PUT", "/v1/definitions/d", { spec }, headers);

  it("take no condition that is none", async () => {
    expect((await put({ "If-Match": "5" })).body).toMatchObject({ code: "invalid_header" });
    expect((await put({ "If-None-Match": '"5"' })).body).toMatchObject({ code: "invalid_header" });
    expect((await put({ "If-Match": '"5"' })).body).toMatchObject({ code: "precondition_failed" });
  });
});
