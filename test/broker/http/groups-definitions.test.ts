// What the routes of groups and definitions refuse, and that nothing is stored then.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { createConfigStore } from "../../../src/shared/io/config-store.ts";
import { decodeTenure } from "../../../src/shared/reservation.ts";
import { until } from "../../lab/until.ts";
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

  it("under an idempotency key are answered with when the reservation that they name is over", async () => {
    const reservation = await lab.submit();
    const tenures = createConfigStore(lab.first.broker, "reservation", decodeTenure);
    const expiresAt = Date.now() + 60_000;
    await tenures.put(reservation, { v: 1, owner: "a", slots: 1, ttlMs: 60_000, expiresAt }, 0);
    const submit = (key: string, member: string) =>
      call(
        "POST",
        "/v1/groups",
        { members: [{ name: member, spec: { ...spec, reservation } }] },
        { "Idempotency-Key": key },
      );
    const first = await submit("held", "m");
    expect(first.status).toBe(202);
    await lab.finish(reservation);
    await until(() => lab.first.view.get(reservation)?.state === "succeeded", "it to be over");
    const again = await submit("held", "m");
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await submit("held", "n")).body.code).toBe("idempotency_conflict");
    expect((await submit("new", "m")).body.code).toBe("reservation_over");
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

const define = (name: string, template: object) => call("PUT", `/v1/definitions/${name}`, template);

describe("runs under an idempotency key", () => {
  type Run = Problem & { id: string; kind: string; version: number };
  const run = (name: string, key: string, body: object = {}) =>
    lab.first.call<Run>("POST", `/v1/definitions/${name}/runs`, body, { "Idempotency-Key": key });

  it.each([
    ["disabled", { spec, enabled: false }, "definition_disabled"],
    [
      "of other parameters",
      { spec, parameters: { type: "object", required: ["a"] } },
      "invalid_spec",
    ],
    ["removed", undefined, "definition_not_found"],
  ])("stay what they were when the definition is %s", async (_what, then, code) => {
    await define("d", { spec });
    const first = await run("d", code);
    expect(first).toMatchObject({ status: 202, body: { kind: "job" } });
    await (then ? define("d", then) : call("DELETE", "/v1/definitions/d"));
    const again = await run("d", code);
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await run("d", `new ${code}`)).body.code).toBe(code);
  });

  it("stay what they were while they are the only ones allowed", async () => {
    await define("alone", { spec, exclusive: "reject" });
    const first = await run("alone", "k");
    expect(first).toMatchObject({ status: 202, body: { kind: "group" } });
    const path = "/v1/definitions/alone/runs";
    const known = () => lab.first.call<{ runs: unknown[] }>("GET", path);
    await until(async () => (await known()).body.runs.length === 1, "the run to be known");
    expect((await run("alone", "new")).body.code).toBe("run_active");
    expect(await run("alone", "k")).toMatchObject({ status: 202, body: first.body });
  });

  it("stay jobs when the definition makes groups now", async () => {
    await define("grown", { spec });
    const first = await run("grown", "k");
    await define("grown", { steps: [{ name: "s", spec }] });
    expect(await run("grown", "k")).toMatchObject({ status: 202, body: first.body });
    expect((await call("GET", `/v1/groups/${first.body.id}`)).status).toBe(404);
  });

  it("are refused when asked for with another body", async () => {
    await define("asked", { spec });
    await define("steps", { steps: [{ name: "s", spec }] });
    for (const name of ["asked", "steps"]) {
      await run(name, "k", { labels: { a: "1" } });
      expect(await run(name, "k", { labels: { a: "2" } })).toMatchObject({
        status: 409,
        body: { code: "idempotency_conflict" },
      });
    }
  });

  it("are one, however many ask at once", async () => {
    await define("once", { spec, exclusive: "reject" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => run("once", "k")));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  });
});
