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
  });
});

test("an option wins over its variable, an empty variable counts as not set", () => {
  const env = {
    NATS_URL: "nats://a:1",
    MILLRACE_PORT: "1",
    MILLRACE_PREFIX: "",
    MILLRACE_LEASE: "5s",
  };
  expect(readSchedulerConfig(env, { port: "0", replicas: "3" })).toMatchObject({
    natsUrl: "nats://a:1",
    prefix: "mr",
    port: 0,
    replicas: 3,
    leaseMs: 5_000,
  });
});

test("every problem is told at once", () => {
  const flags = { port: "65536", prefix: "A", replicas: "2", lease: "1500ms", logLevel: "loud" };
  const read = () => readSchedulerConfig({}, flags);
  for (const field of ["--port", "--prefix", "--replicas", "--lease", "--log-level"])
    expect(read).toThrow(field);
  for (const port of ["-1", "1.5", "x", "1e3"])
    expect(() => readSchedulerConfig({}, { port })).toThrow("--port");
});
