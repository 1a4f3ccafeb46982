// Who may do what over HTTP: keys, scopes, namespaces, limits and the audit, with a negative beside each permission.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { mintKey, type ApiKey } from "../../../src/scheduler/auth/api-key.ts";
import type { Problem } from "../../../src/shared/errors.ts";
import { until } from "../../lab/until.ts";
import { newJobId, startHttpLab, type HttpLab, type Replica } from "../http/http-lab.ts";
import { guarded } from "./routes.ts";

type Made = Problem & { id: string; key: string; namespace?: string; scopes: string[] };
type Audited = { entries: { actor: string; route: string; status: number; from: string }[] };

type Page = Audited & { next?: string };

let lab: HttpLab;
let api: Replica;
let admin: string;

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

beforeAll(async () => {
  lab = await startHttpLab();
  api = await lab.addReplica({ auth: { required: true, insecureOpen: false } });
  admin = await makeKey({ name: "root", roles: ["admin"] });
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Made by the replica that is open to its own machine, known to the other a moment later. */
async function makeKey(body: object): Promise<string> {
  const { body: made } = await lab.first.call<Made>("POST", "/v1/api-keys", body);
  const isKnown = async () => (await as(made.key, "GET", "/v1/audit")).status !== 401;
  await until(isKnown, "the key to be known everywhere");
  return made.key;
}

const as = (key: string, method: string, path: string, body?: unknown) =>
  api.call<Made>(method, path, body, bearer(key));

const keyWith = async (scope: string): Promise<string> =>
  (await as(admin, "POST", "/v1/api-keys", { name: scope, scopes: [scope] })).body.key;

const job = { command: ["true"] };
const submit = (key: string) =>
  api.call<Made>("POST", "/v1/jobs", job, { ...bearer(key), "Idempotency-Key": "same" });

describe("a caller", () => {
  const strangers: [string, Record<string, string>, string][] = [
    ["without anything", {}, "unauthenticated"],
    ["with another scheme", { Authorization: "Basic cm9vdDpyb290" }, "invalid_token"],
    ["with an empty token", { Authorization: "Bearer " }, "invalid_token"],
    ["with rubbish", { Authorization: "Bearer x y" }, "invalid_token"],
    ["with a token where only keys count", { Authorization: "Bearer a.b.c" }, "invalid_token"],
    ["with a key that nobody made", { Authorization: `Bearer ${mintKey().key}` }, "invalid_token"],
    ["with an endless token", { Authorization: `Bearer ${"x".repeat(9_000)}` }, "invalid_token"],
  ];
  it.each(strangers)("%s is refused everywhere", async (_what, headers, code) => {
    for (const { method, path } of guarded) {
      const answer = await api.call(method, path, undefined, headers);
      expect(answer.body).toMatchObject({ status: 401, code });
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  it("without anything may see what holds no secrets", async () => {
    for (const path of ["/healthz", "/readyz", "/v1/openapi.json", "/docs"])
      expect((await api.call("GET", path)).status).toBe(200);
  });

  it("with a changed secret is refused", async () => {
    const last = admin.endsWith("a") ? "b" : "a";
    const { body } = await as(`${admin.slice(0, -1)}${last}`, "GET", "/v1/jobs");
    expect(body).toMatchObject({ status: 401, code: "invalid_token" });
  });

  it("may not put secrets into an address", async () => {
    for (const name of ["access_token", "token", "api_key", "Authorization"]) {
      const { body } = await as(admin, "GET", `/v1/jobs?${name}=${admin}`);
      expect(body).toMatchObject({ status: 400, code: "invalid_query", field: name });
    }
  });

  it("may do what the scopes say and nothing else", async () => {
    const endless = "/v1/events";
    for (const { method, path, scope, body } of guarded.filter((route) => route.path !== endless)) {
      const wrong = await keyWith(scope === "queues:read" ? "files:read" : "queues:read");
      const refused = await as(wrong, method, path, body);
      expect(refused.body).toMatchObject({ status: 403, code: "insufficient_scope" });
      const { status } = await as(await keyWith(scope), method, path, body);
      expect([401, 403]).not.toContain(status);
    }
  });
});

describe("an API key", () => {
  it("is shown once, listed without its secret, and opens nothing once it is revoked", async () => {
    const { body: made } = await as(admin, "POST", "/v1/api-keys", {
      name: "ci",
      roles: ["submitter"],
      expires: "1h",
    });
    expect(made).toMatchObject({ name: "ci", roles: ["submitter"], createdBy: "root" });
    expect((await as(made.key, "POST", "/v1/jobs", job)).status).toBe(202);
    const listed = await as(admin, "GET", "/v1/api-keys");
    const text = JSON.stringify(listed.body);
    expect(text).toContain(made.id);
    expect(text).not.toContain(made.key.split("_")[2]);
    expect(text).not.toContain("hash");
    const { stream, key } = api.broker.subjects.config;
    const stored = await api.broker.last(stream, key("api-key", made.id));
    expect(new TextDecoder().decode(stored?.data)).not.toContain(made.key.split("_")[2]);
    expect((await as(admin, "DELETE", `/v1/api-keys/${made.id}`)).status).toBe(204);
    expect((await as(made.key, "GET", "/v1/jobs")).body).toMatchObject({ code: "invalid_token" });
    expect((await as(admin, "DELETE", `/v1/api-keys/${made.id}`)).status).toBe(404);
  });

  it("expires", async () => {
    const { id, key, hash } = mintKey();
    const old: ApiKey = {
      v: 1,
      name: "old",
      hash,
      roles: ["admin"],
      scopes: [],
      createdAt: 1,
      createdBy: "root",
      expiresAt: Date.now() - 1,
    };
    const { config } = api.broker.subjects;
    await api.broker.publish(config.key("api-key", id), JSON.stringify(old));
    await expect
      .poll(async () => (await as(key, "GET", "/v1/jobs")).body.code)
      .toBe("token_expired");
  });

  it.each<[object, string | undefined]>([
    [{}, "name"],
    [{ name: "x" }, "roles"],
    [{ name: "x", roles: ["king"] }, "roles[0]"],
    [{ name: "x", scopes: ["jobs:*"] }, "scopes[0]"],
    [{ name: "a\nb", roles: ["viewer"] }, "name"],
    [{ name: "x", roles: ["viewer"], namespace: "a.>" }, "namespace"],
    [{ name: "x", roles: ["viewer"], expires: "0s" }, "expires"],
    [{ name: "x", roles: ["viewer"], extra: 1 }, "extra"],
  ])("that asks for %j is not made", async (body, field) => {
    const answer = await as(admin, "POST", "/v1/api-keys", body);
    expect(answer.body).toMatchObject({ status: 422, code: "invalid_spec", field });
  });

  it("cannot give more than its maker has", async () => {
    const clerk = await makeKey({ name: "clerk", scopes: ["keys:admin", "jobs:read"] });
    expect(
      (await as(clerk, "POST", "/v1/api-keys", { name: "x", roles: ["viewer"] })).body,
    ).toMatchObject({ status: 403, code: "insufficient_scope", field: "scopes" });
    expect(
      (await as(clerk, "POST", "/v1/api-keys", { name: "x", scopes: ["jobs:read"] })).status,
    ).toBe(201);
  });
});

describe("a namespace", () => {
  it("hides its jobs from others, which cannot even tell that they are there", async () => {
    const roles = ["operator"];
    const acme = await makeKey({ name: "acme", roles, namespace: "acme" });
    const other = await makeKey({ name: "other", roles, namespace: "other" });
    const id = (await as(acme, "POST", "/v1/jobs", job)).body.id;
    const missing = newJobId();
    const tries: [string, string, unknown?][] = [
      ["GET", ""],
      ["GET", "?wait=1ms"],
      ["DELETE", ""],
      ["POST", "/cancel", {}],
      ["POST", "/retry"],
      ["GET", "/events"],
      ["GET", "/logs"],
      ["GET", "/why"],
    ];
    for (const [method, path, body] of tries) {
      const theirs = await as(other, method, `/v1/jobs/${id}${path}`, body);
      const nobodys = await as(other, method, `/v1/jobs/${missing}${path}`, body);
      expect(theirs.status).toBe(404);
      const { requestId: _a, ...problem } = theirs.body;
      const { requestId: _b, ...same } = nobodys.body;
      expect(JSON.stringify(problem).replaceAll(id, missing)).toBe(JSON.stringify(same));
    }
    expect((await as(acme, "GET", `/v1/jobs/${id}`)).status).toBe(200);
    expect((await as(admin, "GET", `/v1/jobs/${id}`)).status).toBe(200);
    const idsOf = async (key: string) => JSON.stringify((await as(key, "GET", "/v1/jobs")).body);
    expect(await idsOf(acme)).toContain(id);
    expect(await idsOf(other)).not.toContain(id);
    expect(await idsOf(admin)).toContain(id);
  });

  it("does not share idempotency keys", async () => {
    const [one, two] = await Promise.all(
      ["red", "blue"].map((namespace) =>
        makeKey({ name: namespace, roles: ["submitter"], namespace }),
      ),
    );
    const ids = [await submit(one!), await submit(two!), await submit(one!)].map(
      ({ body }) => body.id,
    );
    expect(ids[0]).toBe(ids[2]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("has no say in what concerns all, and makes keys for itself only", async () => {
    const boss = await makeKey({ name: "boss", roles: ["admin"], namespace: "acme" });
    for (const { method, path, body } of guarded.filter((route) => !route.inNamespace))
      expect((await as(boss, method, path, body)).body).toMatchObject({
        status: 403,
        code: "insufficient_scope",
      });
    const wanted = { name: "x", roles: ["viewer"], namespace: "other" };
    expect((await as(boss, "POST", "/v1/api-keys", wanted)).body).toMatchObject({
      status: 403,
      field: "namespace",
    });
    const { body: own } = await as(boss, "POST", "/v1/api-keys", { name: "x", roles: ["viewer"] });
    expect(own.namespace).toBe("acme");
    const { body: seen } = await as(boss, "GET", "/v1/api-keys");
    for (const { namespace } of (seen as unknown as { keys: Made[] }).keys)
      expect(namespace).toBe("acme");
  });
});

describe("what somebody did", () => {
  it("stands in the job's timeline under their name", async () => {
    const ann = await makeKey({ name: "ann", roles: ["submitter"] });
    const { id } = (await as(ann, "POST", "/v1/jobs", job)).body;
    await as(admin, "POST", `/v1/jobs/${id}/cancel`, {});
    const { body } = await api.call<{ events: { actor?: string }[] }>(
      "GET",
      `/v1/jobs/${id}/events`,
      undefined,
      bearer(ann),
    );
    expect(body.events[0]).toMatchObject({ actor: "ann" });
  });

  it("stands in the audit, newest first, whether it was allowed or not", async () => {
    const eve = await makeKey({ name: "eve", roles: ["viewer"] });
    await as(eve, "PUT", "/v1/queues/default", { paused: true });
    await as(admin, "PUT", "/v1/queues/default", { paused: false });
    const { body } = await api.call<Audited>("GET", "/v1/audit?limit=2", undefined, bearer(admin));
    expect(body.entries).toEqual([
      expect.objectContaining({ actor: "root", route: "PUT /v1/queues/:name", status: 200 }),
      expect.objectContaining({ actor: "eve", route: "PUT /v1/queues/:name", status: 403 }),
    ]);
    expect(body.entries[0]?.from).toContain("127.0.0.1");
  });

  it("can be paged back to the beginning", async () => {
    const seen: unknown[] = [];
    let path = "/v1/audit?limit=3";
    for (let next: string | undefined = ""; next !== undefined;) {
      const { body }: { body: Page } = await api.call<Page>(
        "GET",
        next === "" ? path : `${path}&cursor=${next}`,
        undefined,
        bearer(admin),
      );
      expect(body.entries.length).toBeLessThanOrEqual(3);
      seen.push(...body.entries);
      next = body.next;
    }
    const whole = await api.call<Audited>("GET", "/v1/audit?limit=1000", undefined, bearer(admin));
    expect(seen).toEqual(whole.body.entries);
    expect(seen.length).toBeGreaterThan(10);
  });
});

it("a namespace that has its share gets more when some of it is over", async () => {
  const bounded = await lab.addReplica({
    auth: { required: true, insecureOpen: false, namespaceLimit: 2 },
  });
  const key = await makeKey({ name: "small", roles: ["operator"], namespace: "small" });
  const submitOne = () => bounded.call<Made>("POST", "/v1/jobs", job, bearer(key));
  await until(async () => (await submitOne()).status === 202, "the key to be known there");
  const ids = [(await submitOne()).body.id];
  const { body, headers } = await submitOne();
  expect(body).toMatchObject({ status: 429, code: "quota_exceeded" });
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  const others = await bounded.call("POST", "/v1/jobs", job, bearer(admin));
  expect(others.status).toBe(202);
  await lab.finish(ids[0]!);
  await until(async () => (await submitOne()).status === 202, "room for one more");
  expect((await submitOne()).status).toBe(429);
});

it("whoever asks too often is told when to come back", async () => {
  const limited = await lab.addReplica({
    auth: { required: true, insecureOpen: false, rateLimit: 3 },
  });
  const ask = () => limited.call<Problem>("GET", "/v1/jobs", undefined, bearer(admin));
  await expect.poll(async () => (await ask()).status).not.toBe(401);
  await expect.poll(async () => (await ask()).status, { interval: 1 }).toBe(429);
  const { headers, body } = await ask();
  expect(body.code).toBe("too_many_requests");
  expect(Number(headers.get("retry-after"))).toBe(1);
});
