// Tokens: what is accepted, and every way to cheat that we know of.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, type JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createKeySet } from "../../../../src/scheduler/auth/key-set.ts";
import { createTokenCheck, type TokenCheck } from "../../../../src/scheduler/auth/tokens.ts";
import { tempDir } from "../../../lab/temp-dir.ts";

const NOW = Date.UTC(2027, 0, 1);
const S = NOW / 1_000;
const RULES = {
  issuer: "https://issuer.example",
  audience: "millrace",
  algorithms: ["RS256", "ES256"],
};
const GOOD = { iss: RULES.issuer, aud: "millrace", sub: "ann", exp: S + 60, scope: "jobs:read" };

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let dir: Awaited<ReturnType<typeof tempDir>>;
let file: string;
let rsa: Keys;
let ec: Keys;
let stranger: Keys;
let mono = 0;

const clock = { now: () => NOW, mono: () => mono };

async function publish(keys: Record<string, Keys>): Promise<void> {
  const jwks = await Promise.all(
    Object.entries(keys).map(async ([kid, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid,
    })),
  );
  await writeFile(file, JSON.stringify({ keys: jwks }));
  mono += 10_000;
  await utimes(file, mono, mono);
}

const sign = (claims: JWTPayload, { privateKey }: Keys, alg = "RS256", kid = "one") =>
  new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);

const without = (name: keyof typeof GOOD): JWTPayload => {
  const { [name]: _gone, ...rest } = GOOD;
  return rest;
};

beforeAll(async () => {
  dir = await tempDir();
  file = join(dir.path, "jwks.json");
  [rsa, ec, stranger] = await Promise.all([
    generateKeyPair("RS256", { extractable: true }),
    generateKeyPair("ES256", { extractable: true }),
    generateKeyPair("RS256", { extractable: true }),
  ]);
  await publish({ one: rsa, two: ec });
});
afterAll(() => dir[Symbol.asyncDispose]());

const newCheck = (where = file): TokenCheck =>
  createTokenCheck({ keys: createKeySet(where, clock), rules: RULES, clock });

describe("a token", () => {
  it("names its caller, what they may do and where", async () => {
    const claims = {
      ...GOOD,
      scope: "jobs:read no:such",
      roles: ["viewer", "king", 7],
      namespace: "acme",
    };
    const caller = await newCheck()(await sign(claims, rsa));
    expect(caller).toMatchObject({ name: "ann", by: "token", namespace: "acme" });
    expect(caller.scopes).toContain("workers:read");
    expect(caller.scopes).not.toContain("jobs:submit");
    expect([...caller.scopes]).not.toContain("no:such");
  });

  it("may be signed by any of the keys, by its own algorithm", async () => {
    expect(await newCheck()(await sign(GOOD, ec, "ES256", "two"))).toMatchObject({ name: "ann" });
  });

  const forged: [string, () => Promise<string> | string, string][] = [
    ["rubbish", () => "a.b.c", "invalid_token"],
    ["alg none", () => `${encode({ alg: "none" })}.${encode(GOOD)}.`, "invalid_token"],
    ["HS256 with the public key as its secret", signedWithPublicKey, "invalid_token"],
    ["an algorithm that is not pinned", withRs512, "invalid_token"],
    ["another's signature", () => sign(GOOD, stranger), "invalid_token"],
    ["an unknown key", () => sign(GOOD, rsa, "RS256", "three"), "invalid_token"],
    ["a key of another kind", () => sign(GOOD, rsa, "RS256", "two"), "invalid_token"],
    ["another issuer", () => sign({ ...GOOD, iss: "https://evil.example" }, rsa), "invalid_token"],
    ["another audience", () => sign({ ...GOOD, aud: "other" }, rsa), "invalid_token"],
    ["no issuer", () => sign(without("iss"), rsa), "invalid_token"],
    ["no audience", () => sign(without("aud"), rsa), "invalid_token"],
    ["no subject", () => sign(without("sub"), rsa), "invalid_token"],
    ["no expiry", () => sign(without("exp"), rsa), "invalid_token"],
    ["an expiry of the past", () => sign({ ...GOOD, exp: S - 31 }, rsa), "token_expired"],
    ["a beginning in the future", () => sign({ ...GOOD, nbf: S + 300 }, rsa), "invalid_token"],
    [
      "a subject with a line break",
      () => sign({ ...GOOD, sub: "ann\nroot" }, rsa),
      "invalid_token",
    ],
    ["an endless subject", () => sign({ ...GOOD, sub: "x".repeat(201) }, rsa), "invalid_token"],
    [
      "a namespace that is no name",
      () => sign({ ...GOOD, namespace: "a.>" }, rsa),
      "invalid_token",
    ],
    ["an empty namespace", () => sign({ ...GOOD, namespace: "" }, rsa), "invalid_token"],
    ["an extension that must be understood", critical, "invalid_token"],
    ["changed claims", changed, "invalid_token"],
  ];
  it.each(forged)("with %s is refused", async (_what, make, code) => {
    await expect(newCheck()(await make())).rejects.toMatchObject({ code });
  });
});

describe("the keys", () => {
  it("rotate without a restart, and a key that is gone opens nothing", async () => {
    const check = newCheck();
    const [old, fresh] = [await sign(GOOD, rsa), await sign(GOOD, stranger, "RS256", "new")];
    expect(await check(old)).toMatchObject({ name: "ann" });
    await expect(check(fresh)).rejects.toMatchObject({ code: "invalid_token" });
    await publish({ one: rsa, new: stranger });
    expect(await check(fresh)).toMatchObject({ name: "ann" });
    await publish({ new: stranger });
    await expect(check(old)).rejects.toMatchObject({ code: "invalid_token" });
    await publish({ one: rsa, two: ec });
  });

  it("are nobody's fault when they are away", async () => {
    const missing = newCheck(join(dir.path, "nothing.json"));
    await expect(missing(await sign(GOOD, rsa))).rejects.toMatchObject({
      code: "identity_unavailable",
    });
    const closed = newCheck("http://127.0.0.1:1/jwks");
    await expect(closed(await sign(GOOD, rsa))).rejects.toMatchObject({
      code: "identity_unavailable",
    });
  });

  it("come from a URL, which may fail for a while", async () => {
    let status = 500;
    let rubbish: string | undefined;
    const server = createServer((_request, response) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      void exportJWK(rsa.publicKey).then((jwk) =>
        response.end(rubbish ?? JSON.stringify({ keys: [{ ...jwk, kid: "one" }] })),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const check = newCheck(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
    const token = await sign(GOOD, rsa);
    await expect(check(token)).rejects.toMatchObject({ code: "identity_unavailable" });
    status = 200;
    for (rubbish of ["<html>", "[]", '{"keys":7}', '{"keys":[7]}'])
      await expect(check(token)).rejects.toMatchObject({ code: "identity_unavailable" });
    rubbish = undefined;
    expect(await check(token)).toMatchObject({ name: "ann" });
    server.close();
  });
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

async function signedWithPublicKey(): Promise<string> {
  const head = `${encode({ alg: "HS256", kid: "one" })}.${encode(GOOD)}`;
  const secret = await exportSPKI(rsa.publicKey);
  return `${head}.${createHmac("sha256", secret).update(head).digest("base64url")}`;
}
function critical(): Promise<string> {
  return new SignJWT(GOOD)
    .setProtectedHeader({ alg: "RS256", kid: "one", crit: ["must"], must: true })
    .sign(rsa.privateKey, { crit: { must: true } });
}
async function withRs512(): Promise<string> {
  const key = await importJWK(await exportJWK(rsa.privateKey), "RS512");
  return new SignJWT(GOOD).setProtectedHeader({ alg: "RS512", kid: "one" }).sign(key);
}
async function changed(): Promise<string> {
  const [head, , signature] = (await sign(GOOD, rsa)).split(".");
  return `${head}.${encode({ ...GOOD, scope: "keys:admin" })}.${signature}`;
}
