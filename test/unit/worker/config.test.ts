import { describe, expect, it } from "vitest";

import { nameOfHost, readWorkerConfig } from "../../../src/worker/config.ts";

describe("the worker's configuration", () => {
  it("has defaults for everything", () => {
    const config = readWorkerConfig({ HOME: "/home/me" });
    expect(config).toMatchObject({
      natsUrl: "nats://127.0.0.1:4222",
      prefix: "mr",
      labels: {},
      workRoot: "/home/me/.local/state/millrace/worker/work",
      drainTimeoutMs: 120_000,
      logLevel: "info",
    });
    expect(config.slots).toBeGreaterThan(0);
    expect(config.health).toBeUndefined();
    expect(config.handlersDir).toBeUndefined();
  });

  it("reads variables, over which options win", () => {
    const env = {
      MILLRACE_SLOTS: "3",
      MILLRACE_LABELS: "zone=a, rack=7",
      MILLRACE_METRICS_PORT: "",
    };
    expect(readWorkerConfig(env)).toMatchObject({ slots: 3, labels: { zone: "a", rack: "7" } });
    const flags = { slots: "5", label: ["zone=b=c"], metricsPort: "9100", drainTimeout: "1h" };
    expect(readWorkerConfig(env, flags)).toMatchObject({
      slots: 5,
      labels: { zone: "b=c" },
      health: { host: "127.0.0.1", port: 9_100 },
      drainTimeoutMs: 3_600_000,
    });
  });

  it("starts the launcher that it is told to, and otherwise the best that there is", () => {
    expect(readWorkerConfig({}).launcher).toBeUndefined();
    expect(readWorkerConfig({ MILLRACE_LAUNCHER: "node" }).launcher).toBe("node");
    expect(() => readWorkerConfig({ MILLRACE_LAUNCHER: "perl" })).toThrow("MILLRACE_LAUNCHER");
  });

  it("names every problem at once", () => {
    const flags = {
      prefix: "No",
      name: "a.b",
      slots: "0",
      label: ["novalue"],
      drainTimeout: "soon",
      metricsPort: "99999",
      logLevel: "loud",
    };
    const problems = [
      "--prefix",
      "--name",
      "--slots",
      "--label",
      "--drain-timeout",
      "--metrics-port",
      "--log-level",
    ];
    for (const problem of problems) expect(() => readWorkerConfig({}, flags)).toThrow(problem);
  });

  it("gives jobs the allowed variables only", () => {
    const env = { PATH: "/bin", LC_ALL: "C", SECRET: "s", CUDA_HOME: "/cuda" };
    expect(readWorkerConfig(env, { allowEnv: ["CUDA_HOME", "ABSENT"] }).baseEnv).toEqual({
      PATH: "/bin",
      LC_ALL: "C",
      CUDA_HOME: "/cuda",
    });
  });

  it("makes a name of any host's name", () => {
    expect(nameOfHost("db-1.example.org")).toBe("db-1-example-org");
    expect(nameOfHost("_._")).toBe("worker");
    expect(nameOfHost("x".repeat(100))).toHaveLength(64);
  });
});
