// Every legal move of a job, every refusal, and what a job can never become.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { hasCode } from "../../../src/shared/errors.ts";
import { apply, newJob } from "../../../src/shared/job-machine.ts";
import {
  isFinal,
  JOB_MOVES,
  type Ending,
  type JobEvent,
  type JobRecord,
} from "../../../src/shared/job.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";

const ID = "0123456789abcdefghij";
const AT = 1_000_000;
const ok: Ending = { outcome: "exited", exitCode: 0 };
const bad: Ending = { outcome: "exited", exitCode: 3 };

const job = (spec: JobSpec = { command: ["true"] }): JobRecord => newJob(ID, spec, AT);
const after = (record: JobRecord, ...events: JobEvent[]): JobRecord => events.reduce(apply, record);
const started = (attempt: number, worker = "w-00000001"): JobEvent => ({
  type: "started",
  at: AT + 1,
  attempt,
  worker,
});
const finished = (attempt: number, ending: Ending, worker = "w-00000001"): JobEvent => ({
  type: "finished",
  at: AT + 2,
  attempt,
  worker,
  startedAt: AT + 1,
  ending,
  random: 0.5,
});
const lost = (attempt: number, cancelled = false): JobEvent => ({
  type: "lost",
  at: AT + 2,
  attempt,
  worker: "w-00000001",
  reason: "silent",
  cancelled,
  random: 0.5,
});
const blameless = (attempt: number) => ({ ...lost(attempt), blameless: true }) as JobEvent;
const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
  } catch (error) {
    return hasCode(error, "illegal_move", "attempt_superseded") ? error.code : "other";
  }
  return undefined;
};

describe("a new job", () => {
  it("waits for runAt and delay, and expires startWithin after that", () => {
    const delayed = job({ command: ["true"], delay: "10s", startWithin: "5s" });
    expect(delayed).toMatchObject({
      state: "queued",
      notBefore: AT + 10_000,
      expiresAt: AT + 15_000,
    });
  });

  it("runs at once when runAt is past", () => {
    expect(job({ command: ["true"], runAt: "1970-01-01T00:00:01Z" }).notBefore).toBeUndefined();
  });
});

describe("an attempt", () => {
  it("too short to be recorded as running ends the job from queued", () => {
    const done = after(job(), finished(1, ok));
    expect(done).toMatchObject({ state: "succeeded", attempt: 1, finishedAt: AT + 2 });
    expect(done.attempts).toEqual([
      {
        number: 1,
        worker: "w-00000001",
        startedAt: AT + 1,
        finishedAt: AT + 2,
        outcome: "exited",
        exitCode: 0,
      },
    ]);
  });

  it("recorded as running appears once, with its end", () => {
    const done = after(job(), started(1), finished(1, bad));
    expect(done.state).toBe("failed");
    expect(done.attempts).toHaveLength(1);
    expect(done.reason).toBe("exited with code 3");
  });

  it("keeps what a handler returned", () => {
    expect(after(job(), finished(1, { outcome: "exited", result: { n: 1 } })).result).toEqual({
      n: 1,
    });
  });

  it("that is not the next one is refused", () => {
    expect(codeOf(() => apply(job(), started(2)))).toBe("attempt_superseded");
    expect(codeOf(() => apply(job(), finished(2, ok)))).toBe("attempt_superseded");
  });

  it("of another worker is refused", () => {
    expect(codeOf(() => after(job(), started(1), finished(1, ok, "v-00000002")))).toBe(
      "attempt_superseded",
    );
  });

  it("is refused once the job moved on without it", () => {
    const requeued = after(job(), started(1), lost(1));
    expect(codeOf(() => apply(requeued, finished(1, ok)))).toBe("attempt_superseded");
    expect(after(requeued, finished(2, ok)).state).toBe("succeeded");
  });
});

describe("a failed attempt", () => {
  const spec: JobSpec = {
    command: ["x"],
    retry: { attempts: 2, backoff: { initial: "10s", jitter: 0 } },
  };

  it("is tried again after the backoff, then fails for good", () => {
    const retried = after(job(spec), finished(1, bad));
    expect(retried).toMatchObject({ state: "queued", failures: 1, notBefore: AT + 2 + 10_000 });
    expect(after(retried, finished(2, bad)).state).toBe("failed");
  });

  it("of a kind that the policy does not name is final", () => {
    const picky = job({ ...spec, retry: { attempts: 5, on: ["timed_out", 75] } });
    expect(after(picky, finished(1, bad)).state).toBe("failed");
    expect(after(picky, finished(1, { outcome: "exited", exitCode: 75 })).state).toBe("queued");
    expect(after(picky, finished(1, { outcome: "timed_out" })).state).toBe("queued");
  });

  it("with input that the handler refuses is never tried again", () => {
    expect(
      after(
        job({ handler: "h", retry: { attempts: 9 } }),
        finished(1, { outcome: "invalid_input" }),
      ).state,
    ).toBe("failed");
  });
});

describe("a lost or handed back attempt", () => {
  it("is requeued without counting as a failure", () => {
    const back = after(job(), started(1), {
      type: "handed_back",
      at: AT + 5,
      attempt: 1,
      worker: "w-00000001",
      reason: "drain",
    });
    expect(back).toMatchObject({ state: "queued", failures: 0, losses: 0, attempt: 1 });
    expect(after(job(), lost(1))).toMatchObject({ state: "queued", failures: 0, losses: 1 });
  });

  it("fails the job when asked to, or when the job lost its third worker", () => {
    expect(after(job({ command: ["x"], onWorkerLost: "fail" }), lost(1)).state).toBe("failed");
    const poison = after(job(), lost(1), lost(2), lost(3));
    expect(poison.state).toBe("failed");
    expect(poison.reason).toContain("3 workers died under it");
  });

  it("does not count against a job that is not to blame", () => {
    const events = [1, 2, 3, 4].map(blameless);
    expect(after(job(), ...events)).toMatchObject({ state: "queued", losses: 0, attempt: 4 });
    const once = after(job({ command: ["x"], onWorkerLost: "fail" }), blameless(1));
    expect(once.state).toBe("failed");
  });

  it("never shows a cancelled job as failed", () => {
    expect(
      after(job({ command: ["x"], onWorkerLost: "fail" }), started(1), lost(1, true)).state,
    ).toBe("cancelled");
  });
});

describe("ends without a worker", () => {
  const cancelled: JobEvent = { type: "cancelled", at: AT + 1, actor: "api", reason: "asked" };

  it("are for queued jobs only", () => {
    expect(apply(job(), cancelled).state).toBe("cancelled");
    expect(apply(job(), { type: "expired", at: AT + 1 }).state).toBe("expired");
    expect(codeOf(() => after(job(), started(1), cancelled))).toBe("illegal_move");
  });
});

describe("an attempt whose worker fell silent", () => {
  it("says that it may still run, one whose worker is known to be dead does not", () => {
    const silent = { ...lost(1), mayStillRun: true } as JobEvent;
    expect(apply(job(), silent).attempts).toMatchObject([{ mayStillRun: true }]);
    expect(apply(job(), lost(1)).attempts[0]).not.toHaveProperty("mayStillRun");
  });
});

describe("a manual retry", () => {
  it("opens a new series on a finished job and keeps its history", () => {
    const again = after(job(), finished(1, bad), { type: "retried", at: AT + 9, actor: "me" });
    expect(again).toMatchObject({ state: "queued", series: 1, failures: 0, attempt: 1 });
    expect(again.finishedAt).toBeUndefined();
    expect(again.attempts).toHaveLength(1);
    expect(after(again, finished(2, ok)).state).toBe("succeeded");
  });

  it("never gives out the number of an attempt again that may have been assigned as the job was cancelled", () => {
    const again = after(
      job(),
      { type: "cancelled", at: AT, actor: "api", reason: "asked" },
      { type: "retried", at: AT + 9, actor: "me" },
    );
    expect(codeOf(() => apply(again, finished(1, ok)))).toBe("attempt_superseded");
    expect(after(again, finished(2, ok)).state).toBe("succeeded");
  });

  it("is refused while the job is not finished", () => {
    expect(codeOf(() => apply(job(), { type: "retried", at: AT, actor: "me" }))).toBe(
      "illegal_move",
    );
  });
});

type Drawn =
  | { type: "started" | "lost" | "handed_back"; attempt: number }
  | { type: "finished"; attempt: number; exitCode: number }
  | { type: "cancelled" | "expired" };

describe("any history", () => {
  const event: fc.Arbitrary<Drawn> = fc.oneof(
    fc.record({ type: fc.constant("started" as const), attempt: fc.integer({ min: 0, max: 6 }) }),
    fc.record({
      type: fc.constant("finished" as const),
      attempt: fc.integer({ min: 0, max: 6 }),
      exitCode: fc.integer({ min: 0, max: 1 }),
    }),
    fc.record({ type: fc.constant("lost" as const), attempt: fc.integer({ min: 0, max: 6 }) }),
    fc.record({
      type: fc.constant("handed_back" as const),
      attempt: fc.integer({ min: 0, max: 6 }),
    }),
    fc.record({ type: fc.constantFrom("cancelled" as const, "expired" as const) }),
  );
  const toEvent = (drawn: Drawn): JobEvent => {
    switch (drawn.type) {
      case "started":
        return started(drawn.attempt);
      case "finished":
        return finished(drawn.attempt, drawn.exitCode === 0 ? ok : bad);
      case "lost":
        return lost(drawn.attempt);
      case "handed_back":
        return {
          type: "handed_back",
          at: AT,
          attempt: drawn.attempt,
          worker: "w-00000001",
          reason: "drain",
        };
      case "cancelled":
        return { type: "cancelled", at: AT, actor: "api", reason: "asked" };
      case "expired":
        return { type: "expired", at: AT };
    }
  };

  it("makes legal moves only, counts attempts upwards, and ends at most once", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (drawn) => {
        let record = job({ command: ["x"], retry: { attempts: 3 } });
        for (const one of drawn) {
          const before = record;
          try {
            record = apply(before, toEvent(one));
          } catch (error) {
            if (!hasCode(error, "illegal_move", "attempt_superseded")) throw error;
            continue;
          }
          expect(isFinal(before.state)).toBe(false);
          expect(JOB_MOVES[before.state]).toContain(record.state);
          expect(record.attempt - before.attempt).toBeGreaterThanOrEqual(0);
          expect(record.attempt - before.attempt).toBeLessThanOrEqual(1);
          expect(record.finishedAt !== undefined).toBe(isFinal(record.state));
        }
      }),
    );
  });
});
