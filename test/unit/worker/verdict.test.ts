import { describe, expect, it } from "vitest";

import type { Ending } from "../../../src/shared/job.ts";
import { verdict, type RunEnd, type StopReason } from "../../../src/worker/verdict.ts";

const facts = { attempt: 1, worker: "w-12345678", startedAt: 1, at: 2, random: 0.5 };
const ended = (outcome: Ending["outcome"]): RunEnd => ({ kind: "ended", ending: { outcome } });

/** What is recorded, as "type outcome". */
function told(end: RunEnd, stopped?: StopReason): string {
  const event = verdict(end, stopped, facts);
  if (event?.type === "finished") return `finished ${event.ending.outcome}`;
  if (event?.type === "lost") return event.cancelled ? "lost cancelled" : "lost";
  return event?.type ?? "nothing";
}

describe("an attempt that ended by itself", () => {
  it.each([undefined, "cancelled", "drain", "disconnected"] as const)(
    "is recorded as it ended when stopped for: %s",
    (stopped) => expect(told(ended("exited"), stopped)).toBe("finished exited"),
  );

  it("carries the handler's retry policy", () => {
    const end = { kind: "ended", ending: { outcome: "threw" }, retry: { attempts: 3 } } as const;
    expect(verdict(end, undefined, facts)).toMatchObject({ retry: { attempts: 3 }, startedAt: 1 });
  });
});

it.each([
  ["cancelled", "finished cancelled"],
  ["drain", "handed_back"],
  ["disconnected", "nothing"],
] as const)("an attempt that was ended for %s: %s", (stopped, expected) => {
  expect(told(ended("cancelled"), stopped)).toBe(expected);
});

it.each([
  ["cancelled", "finished cancelled"],
  ["drain", "handed_back"],
  [undefined, "handed_back"],
] as const)("an attempt that never began, stopped for %s: %s", (stopped, expected) => {
  expect(told({ kind: "not_started", reason: "no room" }, stopped)).toBe(expected);
});

it.each([
  ["cancelled", "lost cancelled"],
  ["drain", "handed_back"],
  ["disconnected", "nothing"],
  [undefined, "lost"],
] as const)("an attempt that the worker lost hold of, stopped for %s: %s", (stopped, expected) => {
  expect(told({ kind: "lost", reason: "launcher" }, stopped)).toBe(expected);
});

it("a superseded attempt records nothing, however it ended", () => {
  for (const end of [ended("exited"), ended("cancelled"), { kind: "lost", reason: "" } as const])
    expect(told(end, "superseded")).toBe("nothing");
});
