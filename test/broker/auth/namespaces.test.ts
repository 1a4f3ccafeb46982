// Definitions, schedules, calendars and webhooks are each namespace's own: others neither see, nor use, nor change them.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { until } from "../../lab/until.ts";
import { startHttpLab, type HttpLab, type Replica } from "../http/http-lab.ts";

type Body = Problem & {
  id: string;
  key: string;
  run: string;
  paused: boolean;
  definitions: { name: string }[];
  schedules: { name: string }[];
  calendars: { name: string }[];
  runs: { id: string }[];
  jobs: { id: string }[];
  newestRun?: { id: string };
};
type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => ReturnType<Replica["call"]> extends Promise<infer A>
  ? Promise<Omit<A & object, "body"> & { body: Body }>
  : never;

let lab: HttpLab;
let acme: Ask;
let other: Ask;
let admin: Ask;

beforeAll(async () => {
  lab = await startHttpLab();
  const api = await lab.addReplica({ auth: { required: true, insecureOpen: false } });
  const caller = async (key: object): Promise<Ask> => {
    const { body } = await lab.first.call<Body>("POST", "/v1/api-keys", { name: "k", ...key });
    const ask: Ask = (method, path, of, headers) =>
      api.call<Body>(method, path, of, { Authorization: `Bearer ${body.key}`, ...headers });
    await until(async () => (await ask("GET", "/v1/jobs")).status === 200, "the key to be known");
    return ask;
  };
  acme = await caller({ roles: ["operator"], namespace: "acme" });
  other = await caller({ roles: ["operator"], namespace: "other" });
  admin = await caller({ roles: ["admin"] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const runsOf = async (ask: Ask) => (await ask("GET", "/v1/definitions/mine/runs")).body.runs;
const isPaused = async (ask: Ask) => (await ask("GET", "/v1/schedules-paused")).body.paused;

const spec = { command: ["true"] };
const daily = { cron: "@daily", spec };
const hook = { url: "https://example.com/hook" };

describe.each([
  ["definitions", { spec }],
  ["schedules", daily],
  ["calendars", { weekly: ["sun"] }],
  ["webhooks", hook],
])("%s", (kind, content) => {
  const path = `/v1/${kind}/mine`;

  it("are there for their own namespace only", async () => {
    expect(await acme("PUT", path, content)).toMatchObject({ status: 201, body: { name: "mine" } });
    expect((await acme("GET", path)).status).toBe(200);
    for (const stranger of [other, admin]) {
      expect((await stranger("GET", path)).status).toBe(404);
      expect((await stranger("DELETE", path)).status).toBe(404);
    }
    expect((await acme("GET", path)).status).toBe(200);
  });

  it("bear the names that their owners like, whoever else has them", async () => {
    expect((await other("PUT", path, content, { "If-None-Match": "*" })).status).toBe(201);
    expect((await admin("PUT", path, content, { "If-None-Match": "*" })).status).toBe(201);
    expect((await other("DELETE", path)).status).toBe(204);
    expect((await acme("GET", path)).status).toBe(200);
    expect((await admin("DELETE", path)).status).toBe(204);
  });

  it("can be looked after by whoever sees everything, and says for whom", async () => {
    const forAcme = { "Millrace-Namespace": "acme" };
    expect((await admin("GET", path, undefined, forAcme)).status).toBe(200);
    expect((await acme("GET", path, undefined, forAcme)).status).toBe(200);
    expect((await other("GET", path, undefined, forAcme)).body).toMatchObject({
      status: 403,
      code: "insufficient_scope",
    });
    expect(
      (await admin("GET", path, undefined, { "Millrace-Namespace": "a/b" })).body,
    ).toMatchObject({ status: 400, code: "invalid_header", field: "Millrace-Namespace" });
  });
});

it("lists what belongs to the caller's namespace", async () => {
  await admin("PUT", "/v1/definitions/whole", { spec });
  for (const kind of ["definitions", "schedules", "calendars"] as const) {
    const names = async (ask: Ask) =>
      (await ask("GET", `/v1/${kind}`)).body[kind].map(({ name }) => name);
    await until(async () => (await names(acme)).includes("mine"), `${kind} to be known`);
    expect(await names(acme)).toEqual(["mine"]);
    expect(await names(other)).toEqual([]);
    expect(await names(admin)).not.toContain("mine");
  }
});

it("runs definitions for their own namespace, and keeps their history there", async () => {
  await admin("PUT", "/v1/definitions/mine", { spec });
  const { body: run } = await acme("POST", "/v1/definitions/mine/runs", {});
  expect((await acme("GET", `/v1/jobs/${run.id}`)).status).toBe(200);
  expect((await other("GET", `/v1/jobs/${run.id}`)).status).toBe(404);
  await until(async () => (await runsOf(acme)).length === 1, "the run to be known");
  for (const stranger of [other, admin]) expect(await runsOf(stranger)).toEqual([]);
  expect((await other("POST", "/v1/definitions/mine/runs", {})).body.code).toBe(
    "definition_not_found",
  );
  expect((await acme("GET", "/v1/definitions/mine")).body.newestRun?.id).toBe(run.id);
});

it("fires schedules for their own namespace, with its definitions and calendars only", async () => {
  const { body } = await acme("POST", "/v1/schedules/mine/trigger");
  expect((await acme("GET", `/v1/jobs/${body.run}`)).status).toBe(200);
  expect((await other("GET", `/v1/jobs/${body.run}`)).status).toBe(404);
  for (const reference of [{ definition: "mine", spec: undefined }, { calendar: "mine" }])
    expect(
      (await other("PUT", "/v1/schedules/thief", { ...daily, ...reference })).body,
    ).toMatchObject({ status: 422, field: Object.keys(reference)[0] });
  expect((await acme("PUT", "/v1/schedules/mine", { ...daily, calendar: "mine" })).status).toBe(
    200,
  );
  expect((await acme("DELETE", "/v1/calendars/mine")).body.code).toBe("calendar_in_use");
  await other("PUT", "/v1/calendars/mine", { weekly: ["mon"] });
  expect((await other("DELETE", "/v1/calendars/mine")).status).toBe(204);
});

it("pauses all schedules of a namespace without a word to the others", async () => {
  await acme("PUT", "/v1/schedules-paused", { paused: true });
  expect(await isPaused(acme)).toBe(true);
  for (const stranger of [other, admin]) expect(await isPaused(stranger)).toBe(false);
});
