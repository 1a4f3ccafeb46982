// The scheduler's configuration.
import { expect, test } from "vitest";

import { readSchedulerConfig } from "../../../src/scheduler/config.ts";

test("defaults", () => {
  expect(readSchedulerConfig({})).toEqual({
    natsUrl: "nats://127.0.0.1:4222",
    prefix: "mr",
    host: "127.0.0.1",
    port: 7070,
    replicas: 1,
    logLevel: "info",
    auth: { required: false, insecureOpen: false },
    webhooksInside: false,
  });
});

test("an option wins over its variable, an empty variable counts as not set", () => {
  const env = {
    NATS_URL: "nats://a:1",
    MILLRACE_PORT: "1",
    MILLRACE_PREFIX: "",
    MILLRACE_LEASE: "5s",
    MILLRACE_ADVERTISE_URL: "http://s1:7070",
  };
  expect(readSchedulerConfig(env, { port: "0", replicas: "3" })).toMatchObject({
    natsUrl: "nats://a:1",
    prefix: "mr",
    port: 0,
    replicas: 3,
    leaseMs: 5_000,
    advertiseUrl: "http://s1:7070",
  });
});

test("every problem is told at once", () => {
  const flags = { port: "65536", prefix: "A", replicas: "2", lease: "1500ms", logLevel: "loud" };
  const read = () => readSchedulerConfig({}, flags);
  for (const field of ["--port", "--prefix", "--replicas", "--lease", "--log-level"])
    expect(read).toThrow(field);
  for (const port of ["-1", "1.5", "x", "1e3"])
    expect(() => readSchedulerConfig({}, { port })).toThrow("--port");
  for (const advertiseUrl of ["s1:7070", "ftp://s1", "http://"])
    expect(() => readSchedulerConfig({}, { advertiseUrl })).toThrow("--advertise-url");
});

test("nobody opens the API to others by accident", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org"])
    expect(() => readSchedulerConfig({ MILLRACE_HOST: host })).toThrow("--insecure-open");
  const host = "0.0.0.0";
  expect(readSchedulerConfig({}, { host, auth: true }).auth.required).toBe(true);
  expect(readSchedulerConfig({ MILLRACE_AUTH: "1" }, { host }).auth.required).toBe(true);
  expect(readSchedulerConfig({}, { host, insecureOpen: true }).auth.required).toBe(false);
  for (const loopback of ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    expect(readSchedulerConfig({}, { host: loopback }).auth.required).toBe(false);
});

test("tokens need their keys, issuer and audience; shared secrets are not fetched", () => {
  const whole = { jwtJwks: "/keys.json", jwtIssuer: "https://issuer", jwtAudience: "millrace" };
  expect(readSchedulerConfig({}, whole).auth).toMatchObject({
    required: true,
    tokens: { jwks: "/keys.json", algorithms: ["RS256", "PS256", "ES256", "EdDSA"] },
  });
  for (const name of Object.keys(whole))
    expect(() => readSchedulerConfig({}, { ...whole, [name]: "" })).toThrow("go together");
  for (const jwtAlgorithms of ["none", "RS256,none", "rs256", " ", "RS256,"])
    expect(() => readSchedulerConfig({}, { ...whole, jwtAlgorithms })).toThrow("--jwt-algorithms");
  const fetched = { ...whole, jwtJwks: "https://issuer/keys", jwtAlgorithms: "HS256" };
  expect(() => readSchedulerConfig({}, fetched)).toThrow("name a file");
  for (const rateLimit of ["0", "-1", "1.5", "x"])
    expect(() => readSchedulerConfig({}, { rateLimit })).toThrow("--rate-limit");
});
