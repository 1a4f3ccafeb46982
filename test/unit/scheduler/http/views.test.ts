// What callers see of a job, its timeline and its reasons.
import { describe, expect, it } from "vitest";

import { jobTag, jobView, type Overlay } from "../../../../src/scheduler/http/job-view.ts";
import { decodeMark, encodeMark, entriesAfter } from "../../../../src/scheduler/http/timeline.ts";
import { inWords } from "../../../../src/scheduler/http/why.ts";
import { apply, newJob } from "../../../../src/shared/job-machine.ts";

const ID = "k3v9x0q2m7c1w8z5b4n6";
const queued = newJob(ID, { command: ["true"], startWithin: "1m", labels: { a: "b" } }, 1_000);
const running = apply(queued, { type: "started", at: 2_000, attempt: 1, worker: "w-12345678" });
const failed = apply(running, {
  type: "finished",
  at: 3_000,
  attempt: 1,
  worker: "w-12345678",
  startedAt: 2_000,
  random: 0,
  ending: { outcome: "signalled", signal: "SIGSEGV" },
});
const assigned: Overlay = {
  seq: 7,
  state: "running",
  attempt: 1,
  worker: "w-12345678",
  cancelRequested: false,
};

describe("a job's view", () => {
  it("says what was asked and what it waits for", () => {
    expect(jobView(queued, 7)).toMatchObject({
      id: ID,
      state: "queued",
      queue: "default",
      priority: 5,
      labels: { a: "b" },
      attempt: 0,
      attempts: [],
      submittedAt: "1970-01-01T00:00:01.000Z",
      expiresAt: "1970-01-01T00:01:01.000Z",
    });
  });

  it("says how it ended", () => {
    const view = jobView(failed, 9);
    expect(view).toMatchObject({
      state: "failed",
      outcome: "signalled",
      signal: "SIGSEGV",
      worker: "w-12345678",
      attempt: 1,
      startedAt: "1970-01-01T00:00:02.000Z",
      finishedAt: "1970-01-01T00:00:03.000Z",
      reason: "ended by SIGSEGV",
    });
    expect(view.attempts).toMatchObject([
      { number: 1, outcome: "signalled", finishedAt: "1970-01-01T00:00:03.000Z" },
    ]);
  });

  it("forgets how it ended once it is tried again", () => {
    const again = apply(failed, { type: "retried", at: 4_000, actor: "api" });
    const view = JSON.parse(JSON.stringify(jobView(again, 10)));
    expect(view).toMatchObject({ state: "queued", attempt: 1 });
    for (const field of ["outcome", "signal", "finishedAt", "reason"])
      expect(view).not.toHaveProperty(field);
  });

  it("shows how far the newest attempt says it is, and changes its tag with it, while the job runs", () => {
    const overlay: Overlay = { ...assigned, seq: 8, progress: { value: 0.5, note: "half" } };
    expect(jobView(running, 8, overlay).attempts).toMatchObject([
      { number: 1, progress: { value: 0.5, note: "half" } },
    ]);
    expect(jobTag(running, 8, overlay)).not.toBe(
      jobTag(running, 8, { ...overlay, progress: { value: 0.6 } }),
    );
    expect(jobView(failed, 9, { ...overlay, seq: 9 }).attempts[0]).not.toHaveProperty("progress");
  });

  it("takes the overlay's word for this very record only", () => {
    expect(jobView(queued, 7, assigned)).toMatchObject({
      state: "running",
      attempt: 1,
      worker: "w-12345678",
    });
    expect(jobView(queued, 8, assigned)).toMatchObject({ state: "queued", attempt: 0 });
    expect(jobView(failed, 7, assigned).state).toBe("failed");
  });

  it("has a tag that changes with it", () => {
    const cancelling = { ...assigned, cancelRequested: true };
    const tags = [
      jobTag(queued, 7),
      jobTag(queued, 7, assigned),
      jobTag(queued, 7, cancelling),
      jobTag(running, 8),
    ];
    expect(new Set(tags).size).toBe(4);
    expect(jobTag(failed, 9, { ...cancelling, seq: 9 })).toBe('"9"');
  });
});

describe("a timeline", () => {
  const { timeline } = failed;

  it("goes on after a mark, in the same instant too", () => {
    const twins = [...timeline, { ...timeline.at(-1)!, what: "retried" as const }];
    const all = entriesAfter(twins, undefined);
    expect(all).toHaveLength(4);
    for (const [index, { mark }] of all.entries()) {
      const rest = entriesAfter(twins, mark).map(({ entry }) => entry);
      expect(rest).toEqual(twins.slice(index + 1));
    }
  });

  it("starts over when the mark's entry is no longer kept", () => {
    expect(entriesAfter(timeline.slice(1), { at: 1_000, nth: 1 })).toHaveLength(2);
  });

  it("knows its own marks", () => {
    const mark = { at: 2_000, nth: 1 };
    expect(decodeMark(failed, encodeMark(ID, mark))).toEqual(mark);
    expect(() => decodeMark(failed, encodeMark(ID, { at: 9_999, nth: 1 }))).toThrow(/cursor/);
    expect(() => decodeMark({ ...failed, id: "other" }, encodeMark(ID, mark))).toThrow(/cursor/);
  });
});

it("puts reasons into words", () => {
  expect(inWords({ code: "retry_backoff", at: 0 })).toBe(
    "It failed and is tried again at 1970-01-01T00:00:00.000Z.",
  );
  expect(inWords({ code: "queue_full", queue: "q", running: 2, maxRunning: 2 })).toContain(
    "2 of at most 2",
  );
  expect(inWords({ code: "no_workers" })).toContain("millrace worker");
});
