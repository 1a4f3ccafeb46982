// What makes a submission cheap and could get lost without anybody seeing it: counted, not timed.
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";

import { createApp } from "../../../../src/scheduler/http/app.ts";
import { listen } from "../../../../src/scheduler/http/listen.ts";
import { createRouter } from "../../../../src/scheduler/http/router.ts";
import { jobSpecSchema } from "../../../../src/shared/spec.ts";
import { fakeDeps } from "./fake-deps.ts";

afterEach(() => vi.restoreAllMocks());

const deps = fakeDeps();
const app = createApp({ ...deps, store: { ...deps.store, create: async () => 1 } });

test("an answer's headers go to the connection as they are", async () => {
  await using api = await listen(app, { host: "127.0.0.1", port: 0 });
  const set = vi.spyOn(Headers.prototype, "set");
  const append = vi.spyOn(Headers.prototype, "append");
  const asked = request(`${api.url}/v1/jobs`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
  }).end('{"command":["true"]}');
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(202);
  expect(answer.headers).toMatchObject({
    "content-type": "application/json",
    location: expect.stringMatching(/^\/v1\/jobs\//),
    etag: '"1"',
    "x-content-type-options": "nosniff",
    "x-request-id": expect.stringMatching(/./),
  });
  expect([...set.mock.calls, ...append.mock.calls]).toEqual([]);
});

test("the spec's schema can be compiled", () => {
  expect(() => z.compile(jobSpecSchema, { strict: true })).not.toThrow();
});

test("routes of a path without parameters are looked for once", () => {
  const router = createRouter<string>();
  router.add("ALL", "*", "gate");
  router.add("POST", "/jobs", "submit");
  router.add("POST", "/jobs/:id", "change");
  const names = (method: string, path: string) =>
    router.match(method, path)[0].map(([handler]) => handler);
  expect(names("POST", "/jobs")).toEqual(["gate", "submit"]);
  expect(router.match("POST", "/jobs")).toBe(router.match("POST", "/jobs"));
  expect(names("PUT", "/jobs")).toEqual(["gate"]);
  expect(names("POST", "/jobs/1")).toEqual(["gate", "change"]);
  expect(router.match("POST", "/jobs/1")[0][1]?.[1]).toEqual({ id: "1" });
  router.add("POST", "/jobs", "again");
  expect(names("POST", "/jobs")).toEqual(["gate", "submit", "again"]);
});
