import { expect, test } from "vitest";

import { endingOf } from "../../../../src/worker/command/ending.ts";

const at = { finishedAt: 1 };

test("a program that ends by itself keeps its code or signal", () => {
  expect(endingOf({ kind: "exited", code: 3, stopped: false, ...at }, undefined)).toEqual({
    outcome: "exited",
    exitCode: 3,
  });
  expect(
    endingOf({ kind: "signalled", signal: "SIGSEGV", stopped: false, ...at }, undefined),
  ).toEqual({
    outcome: "signalled",
    signal: "SIGSEGV",
  });
});

test("a stop that reached the program names the outcome, however the program took it", () => {
  expect(endingOf({ kind: "exited", code: 0, stopped: true, ...at }, "cancelled")).toEqual({
    outcome: "cancelled",
    exitCode: 0,
  });
  expect(
    endingOf({ kind: "signalled", signal: "SIGKILL", stopped: true, ...at }, "timed_out"),
  ).toEqual({
    outcome: "timed_out",
    signal: "SIGKILL",
  });
});

test("a stop that came after the end changes nothing", () => {
  expect(endingOf({ kind: "exited", code: 0, stopped: false, ...at }, "cancelled")).toEqual({
    outcome: "exited",
    exitCode: 0,
  });
});

test("what the program used is kept", () => {
  const usage = { cpuMs: 5 };
  expect(endingOf({ kind: "exited", code: 0, stopped: false, usage, ...at }, undefined)).toEqual({
    outcome: "exited",
    exitCode: 0,
    usage,
  });
});

test("a failed start says why", () => {
  expect(
    endingOf(
      { kind: "spawn_failed", code: "ENOENT", reason: "x: not found", stopped: false, ...at },
      undefined,
    ),
  ).toEqual({
    outcome: "spawn_failed",
    reason: "x: not found",
  });
});

test("a dead launcher is no ending of the job", () => {
  expect(() =>
    endingOf(
      { kind: "lost", reason: "the launcher process ended (SIGKILL)", stopped: false, ...at },
      undefined,
    ),
  ).toThrow(expect.objectContaining({ code: "internal" }));
});
