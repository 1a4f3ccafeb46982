// Ids, queries, headers and methods that are not ours get a clear answer and change nothing.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { newJobId, startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";
import { badCursor, badQuery, expectProblem, post, send, type Expected } from "./problems.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const command = ["true"];

describe("ids", () => {
  const ids = [
    "*",
    "%3E",
    "a.b",
    "%00",
    "%0d%0a",
    "%20",
    "%09",
    "%24KV.x",
    "_INBOX.x",
    "..%2f..%2fx",
    "%zz",
    "%ff",
    "%24JS.API.STREAM.DELETE.MR_JOBS",
    "x".repeat(5_000),
    "x".repeat(10_000),
    "ABCDEFGHIJKLMNOPQRST",
    "%D0%B0bcdefghijklmnopqrs",
    "k3v9x0q2m7c1w8z5b4n6.cancel",
    "k3v9x0q2m7c1w8z5b4n6x",
  ];
  const invalidId = { status: 400, code: "invalid_id", field: "id" };
  it.each(ids)("job %s", async (id) => {
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/cancel"],
      ["POST", "/retry"],
      ["GET", "/events"],
      ["GET", "/logs"],
      ["GET", "/why"],
    ])
      await expectProblem(lab, send(method as string, `/v1/jobs/${id}${path}`), invalidId);
  });
  it.each(ids)("worker %s", async (id) => {
    await expectProblem(lab, send("GET", `/v1/workers/${id}`), invalidId);
    await expectProblem(lab, send("POST", `/v1/workers/${id}/drain`), invalidId);
  });
  it.each(["*", "%3E", "a.b", "%00", "%24SYS", "x".repeat(5_000)])("queue %s", (name) =>
    expectProblem(lab, send("PUT", `/v1/queues/${name}`), {
      status: 400,
      code: "invalid_id",
      field: "name",
    }),
  );
  it("an id that could be", () =>
    expectProblem(lab, send("GET", `/v1/jobs/${newJobId()}`), {
      status: 404,
      code: "job_not_found",
    }));
  it("a worker that is not there", () =>
    expectProblem(lab, send("POST", "/v1/workers/nobody-abcd1234/drain"), {
      status: 404,
      code: "worker_not_found",
    }));
});

describe("requests", () => {
  const notFound = { status: 404, code: "not_found" };
  it.each<[string, string, Expected]>([
    ["GET", "/v1/nothing", notFound],
    ["GET", "/v1/jobs//cancel", notFound],
    ["GET", "/docs/..%2f..%2fpackage.json", notFound],
    ["GET", "/docs/package.json", notFound],
    ["GET", "/v1/jobs?limit=-1", badQuery("limit")],
    ["GET", "/v1/jobs?limit=0", badQuery("limit")],
    ["GET", "/v1/jobs?limit=1e9", badQuery("limit")],
    ["GET", "/v1/jobs?limit=201", badQuery("limit")],
    ["GET", "/v1/jobs?limit=1&limit=2", badQuery("limit")],
    ["GET", "/v1/jobs?stat=queued", badQuery("stat")],
    ["POST", "/v1/jobs?wait=soon", badQuery("wait")],
    ["POST", "/v1/jobs?wait=2h", badQuery("wait")],
    ["POST", "/v1/jobs?wait=1s&wait=2s", badQuery("wait")],
    ["POST", "/v1/jobs?wiat=1s", badQuery("wiat")],
    ["GET", "/v1/jobs?state=waiting", badQuery("state")],
    ["GET", "/v1/jobs?queue=*", badQuery("queue")],
    ["GET", "/v1/jobs?worker=%3E", badQuery("worker")],
    ["GET", "/v1/jobs?cursor=forged", badCursor("cursor")],
    [
      "GET",
      `/v1/jobs?cursor=${Buffer.from('["x",{"at":1,"id":"a"}]').toString("base64url")}`,
      badCursor("cursor"),
    ],
    ["GET", `/v1/jobs?cursor=${"A".repeat(5_000)}`, badCursor("cursor")],
    ["GET", "/v1/events?queue=a.b", badQuery("queue")],
  ])("%s %s", (method, path, expected) => expectProblem(lab, send(method, path), expected));

  it.each(["abc", "-1", "0x10", "999999999999999", "1".repeat(400)])("an event id %s", (id) =>
    expectProblem(
      lab,
      send("GET", "/v1/events", { "Last-Event-ID": id }),
      badCursor("Last-Event-ID"),
    ),
  );

  it.each(["wait=forever", "wait=61s", "wait=-1s", "wiat=1s"])("?%s", async (text) => {
    const id = await lab.submit();
    await expectProblem(
      lab,
      send("GET", `/v1/jobs/${id}?${text}`),
      badQuery(text.split("=")[0] ?? ""),
    );
  });

  it.each([
    ["attempt=0", "attempt"],
    ["attempt=-1", "attempt"],
    ["attempt=1e20", "attempt"],
    ["channel=stdin", "channel"],
    ["tail=-1", "tail"],
    ["tail=1e9", "tail"],
    ["since=yesterday", "since"],
    ["follow=maybe", "follow"],
    ["format=xml", "format"],
  ])("logs?%s", async (text, field) => {
    const id = await lab.submit();
    await expectProblem(lab, send("GET", `/v1/jobs/${id}/logs?${text}`), badQuery(field));
  });

  it("a log cursor that was forged or is another job's, and an attempt that never was", async () => {
    const id = await lab.submit();
    const other = Buffer.from(`${newJobId()}.1.1.1.0`, "latin1").toString("base64url");
    for (const text of ["forged", other]) {
      await expectProblem(
        lab,
        send("GET", `/v1/jobs/${id}/logs?follow&from=${text}`),
        badCursor("from"),
      );
      const headers = { Accept: "text/event-stream", "Last-Event-ID": text };
      await expectProblem(
        lab,
        send("GET", `/v1/jobs/${id}/logs?follow`, headers),
        badCursor("from"),
      );
      await expectProblem(
        lab,
        send("GET", `/v1/jobs/${id}/events`, headers),
        badCursor("Last-Event-ID"),
      );
    }
    await expectProblem(lab, send("GET", `/v1/jobs/${id}/logs?attempt=7&follow`), {
      status: 404,
      code: "attempt_not_found",
      field: "attempt",
    });
  });

  it.each([
    ["PATCH", "/v1/jobs", "GET, POST, HEAD"],
    ["DELETE", "/v1/jobs", "GET, POST, HEAD"],
    ["POST", "/v1/jobs/k3v9x0q2m7c1w8z5b4n6", "GET, DELETE, HEAD"],
    ["GET", "/v1/jobs/k3v9x0q2m7c1w8z5b4n6/cancel", "POST"],
    ["POST", "/v1/queues/default", "PUT"],
    ["OPTIONS", "/v1/stats", "GET, HEAD"],
  ])("%s %s", async (method, path, allow) => {
    await expectProblem(lab, send(method, path), { status: 405, code: "method_not_allowed" });
    expect((await send(method, path)(api.url)).headers.get("allow")).toBe(allow);
  });

  it("takes no notice of headers that would override the method", async () => {
    const id = await lab.submit();
    await lab.finish(id);
    await api.call("GET", `/v1/jobs/${id}`, undefined, { "X-HTTP-Method-Override": "DELETE" });
    expect((await api.call("GET", `/v1/jobs/${id}`)).status).toBe(200);
  });

  it.each(["x".repeat(10_240), "x".repeat(256), "käse"])("an idempotency key that is none", (key) =>
    expectProblem(lab, post(JSON.stringify({ command }), { "Idempotency-Key": key }), {
      status: 400,
      code: "invalid_header",
      field: "Idempotency-Key",
    }),
  );

  it.each(["http://evil.example", "null", "http://127.0.0.1:1"])(
    "a change asked for by a page of %s",
    async (origin) => {
      const forbidden = { status: 403, code: "forbidden_origin", field: "Origin" };
      await expectProblem(lab, post(JSON.stringify({ command }), { Origin: origin }), forbidden);
      await expectProblem(
        lab,
        post('{"command":["a"]}', { Origin: origin, "Content-Type": "text/plain" }),
        forbidden,
      );
      await expectProblem(lab, send("OPTIONS", "/v1/jobs", { Origin: origin }), forbidden);
    },
  );

  it("lets a page of its own change things", async () => {
    const { status } = await api.call("POST", "/v1/jobs", { command }, { Origin: api.url });
    expect(status).toBe(202);
  });
});
