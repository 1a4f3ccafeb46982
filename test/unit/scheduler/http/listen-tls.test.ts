// HTTPS: who is let in, who is not and why, and certificates that are exchanged while it runs.
import { once } from "node:events";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createApi } from "../../../../src/client/api.ts";
import { readIdentity, type IdentityOptions } from "../../../../src/cli/identity.ts";
import type { HttpEnv } from "../../../../src/scheduler/http/env.ts";
import { listen } from "../../../../src/scheduler/http/listen.ts";
import { createAuthority, type Authority, type Issued } from "../../../lab/certificates.ts";
import { tempDir } from "../../../lab/temp-dir.ts";
import { until } from "../../../lab/until.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let ours: Authority;
let theirs: Authority;
let server: Issued;
let client: Issued;

beforeAll(async () => {
  dir = await tempDir();
  [ours, theirs] = await Promise.all([
    createAuthority(dir.path, "ours"),
    createAuthority(dir.path, "theirs"),
  ]);
  [server, client] = await Promise.all([ours.issue("server"), ours.issue("client")]);
});
afterAll(() => dir[Symbol.asyncDispose]());

const app = new Hono<HttpEnv>().get("/hello", (c) => c.json({ hello: true }));
const on = { host: "127.0.0.1", port: 0 };
const ask = (url: string, options: IdentityOptions) =>
  createApi(url, readIdentity(options, {})).call("/hello");

test("is trusted by whoever knows its CA", async () => {
  await using api = await listen(app, { ...on, tls: server });
  expect(api.url).toMatch(/^https:/);
  expect(await ask(api.url, { ca: ours.ca })).toEqual({ hello: true });
});

test("is not trusted for a wrong CA, an expired certificate, another name, or without TLS", async () => {
  await using good = await listen(app, { ...on, tls: server });
  await expect(ask(good.url, { ca: theirs.ca })).rejects.toThrow("not issued by a CA");
  await expect(ask(good.url, {})).rejects.toThrow("not issued by a CA");
  const old = await ours.issue("old", { days: -1 });
  await using expired = await listen(app, { ...on, tls: old });
  await expect(ask(expired.url, { ca: ours.ca })).rejects.toThrow("has expired");
  const elsewhere = await ours.issue("elsewhere", { names: "DNS:example.org" });
  await using misnamed = await listen(app, { ...on, tls: elsewhere });
  await expect(ask(misnamed.url, { ca: ours.ca })).rejects.toThrow("another name");
  await using plain = await listen(app, on);
  const secure = plain.url.replace("http:", "https:");
  await expect(ask(secure, { ca: ours.ca })).rejects.toThrow("speaks TLS");
});

test("lets in clients of its clients' CA alone", async () => {
  await using api = await listen(app, { ...on, tls: { ...server, clientCa: ours.ca } });
  const { ca } = ours;
  expect(await ask(api.url, { ca, cert: client.cert, certKey: client.key })).toEqual({
    hello: true,
  });
  await expect(ask(api.url, { ca })).rejects.toMatchObject({
    code: "unauthenticated",
    message: expect.stringContaining("none was shown"),
  });
  const stranger = await theirs.issue("stranger");
  const old = await ours.issue("gone", { days: -1 });
  await expect(ask(api.url, { ca, cert: stranger.cert, certKey: stranger.key })).rejects.toThrow(
    "not issued by a CA that is trusted",
  );
  await expect(ask(api.url, { ca, cert: old.cert, certKey: old.key })).rejects.toThrow(
    "has expired",
  );
});

test("is not fooled by a resumed session that never had a certificate", async () => {
  await using api = await listen(app, { ...on, tls: { ...server, clientCa: ours.ca } });
  const ca = await readFile(ours.ca);
  const request = async (session?: Buffer) => {
    const socket = connect({ host: "127.0.0.1", port: api.port, ca, ...(session && { session }) });
    let [kept, text] = [session, ""];
    socket
      .on("session", (one: Buffer) => (kept = one))
      .on("data", (data: Buffer) => (text += data));
    socket.write("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "data");
    const reused = socket.isSessionReused();
    await once(socket, "close");
    return { session: kept, text, reused };
  };
  const first = await request();
  const second = await request(first.session);
  expect(second.reused).toBe(true);
  for (const { text } of [first, second]) expect(text).toMatch(/^HTTP\/1.1 401 /);
});

test("takes new certificates while it runs, and keeps the old one while the new is not whole", async () => {
  const tls = { cert: join(dir.path, "live.pem"), key: join(dir.path, "live.key") };
  const exchange = async ({ cert, key }: Issued) => {
    await cp(cert, tls.cert);
    await cp(key, tls.key);
  };
  await exchange(server);
  await using api = await listen(app, { ...on, tls, tlsCheckMs: 20 });
  const isTrusted = (ca: string) =>
    ask(api.url, { ca }).then(
      () => true,
      () => false,
    );
  await until(() => isTrusted(ours.ca), "the first certificate");
  const next = await theirs.issue("next");
  await cp(next.cert, tls.cert); // its key is still the old one
  expect(await isTrusted(ours.ca)).toBe(true);
  await cp(next.key, tls.key);
  await until(() => isTrusted(theirs.ca), "the new certificate");
});
