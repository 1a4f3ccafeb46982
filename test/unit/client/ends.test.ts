// Ends of jobs are known from what is pushed; the broker is asked only where a push may have been missed.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createEnds, type Ends } from "../../../src/client/ends.ts";
import type { Broker } from "../../../src/shared/io/broker.ts";
import type { Stored } from "../../../src/shared/io/wire.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import type { JobRecord } from "../../../src/shared/job.ts";
import { createSubjects } from "../../../src/shared/subjects.ts";

const ID = "0".repeat(20);
const QUEUED = newJob(ID, { handler: "noop" }, 0);
const CANCELLED = apply(QUEUED, { type: "cancelled", at: 1, actor: "me", reason: "why not" });

let looks: string[];
let found: JobRecord | undefined;
let listeners: Set<(message: Stored) => void>;
let reconnect: () => void;
let ends: Ends;

beforeEach(() => {
  vi.useFakeTimers();
  looks = [];
  found = undefined;
  listeners = new Set();
  const broker: Pick<Broker, "listen" | "last" | "onUp" | "subjects"> = {
    subjects: createSubjects(),
    listen(_subject, listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async last(_stream, subject) {
      looks.push(subject);
      return found && stored(found);
    },
    onUp(listener) {
      reconnect = listener;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  ends = createEnds(broker, async () => Promise.reject(new Error("not expected here")));
});
afterEach(() => {
  ends[Symbol.dispose]();
  vi.useRealTimers();
});

const stored = (record: JobRecord): Stored => ({
  subject: `mr.job.${ID}`,
  seq: 1,
  previous: 0,
  data: Buffer.from(JSON.stringify(record)),
  header: () => undefined,
  removed: false,
});
const push = (record: JobRecord): void => listeners.forEach((listen) => listen(stored(record)));

describe("the end of a job", () => {
  it("that is yet to be submitted is told without a look", async () => {
    using listening = ends.listen(ID, "unborn");
    push(QUEUED);
    const ended = listening.ended();
    push(CANCELLED);
    expect(await ended).toMatchObject({ id: ID, state: "cancelled" });
    expect(looks).toEqual([]);
  });

  it("may have come before anybody waits for it", async () => {
    using listening = ends.listen(ID, "unborn");
    push(CANCELLED);
    expect(await listening.ended()).toMatchObject({ state: "cancelled" });
    expect(looks).toEqual([]);
  });

  it("of a job that may be over already is looked for once", async () => {
    found = CANCELLED;
    using listening = ends.listen(ID);
    expect(await listening.ended()).toMatchObject({ state: "cancelled" });
    expect(looks).toEqual([`mr.job.${ID}`]);
  });

  it("is looked for when the connection was lost meanwhile, and each ten seconds", async () => {
    using listening = ends.listen(ID, "unborn");
    reconnect();
    expect(looks).toEqual([]);
    found = QUEUED;
    const ended = listening.ended();
    expect(looks).toHaveLength(1);
    reconnect();
    expect(looks).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks).toHaveLength(3);
    found = CANCELLED;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await ended).toMatchObject({ state: "cancelled" });
  });

  it("is not waited for any longer than the signal says", async () => {
    using listening = ends.listen(ID, "unborn");
    await expect(listening.ended(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });

  it("of a job that is not there is none", async () => {
    using listening = ends.listen(ID);
    await expect(listening.ended()).rejects.toMatchObject({ code: "job_not_found" });
  });
});

it("nothing is left of a wait that is over", async () => {
  found = CANCELLED;
  {
    using listening = ends.listen(ID);
    await listening.ended();
  }
  expect(listeners.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
