import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { newJob } from "../../../src/shared/job-machine.ts";
import { createSessions } from "../../../src/worker/sessions.ts";
import { StopSign } from "../../../src/worker/stop-sign.ts";
import type { StopReason } from "../../../src/worker/verdict.ts";
import { tempDir } from "../../lab/temp-dir.ts";

const LATE_MS = 5_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A reservation's attempt, held until it is released. */
function holding(sessions: ReturnType<typeof createSessions>, id: string) {
  const stop = new StopSign<StopReason>();
  let over!: Promise<unknown>;
  const started = new Promise<number>((onStarted) => {
    over = sessions.hold({
      record: newJob(id, {}, 0),
      attempt: 1,
      stop,
      mayStart: () => Promise.resolve(true),
      onStarted,
      output: { write: () => undefined },
      onProgress: () => undefined,
      onLingering: () => undefined,
    });
  });
  return { started, release: () => (stop.raise("cancelled"), over) };
}

test("a finder whose time is up takes nothing from one who came later", async () => {
  await using dir = await tempDir();
  const sessions = createSessions({ workRoot: dir.path, now: () => 0 });
  const first = sessions.find("r1");
  vi.advanceTimersByTime(LATE_MS / 2);
  const second = sessions.find("r1");
  vi.advanceTimersByTime(LATE_MS / 2);
  expect(await first).toBeUndefined();
  const held = holding(sessions, "r1");
  await held.started;
  vi.advanceTimersByTime(LATE_MS);
  expect(await second).toMatchObject({ dir: join(dir.path, "r1.1") });
  await held.release();
});

test("all jobs of a reservation share one session, until it is over", async () => {
  await using dir = await tempDir();
  const sessions = createSessions({ workRoot: dir.path, now: () => 0 });
  const early = sessions.find("r1");
  const held = holding(sessions, "r1");
  await held.started;
  expect(await sessions.find("r1")).toBe(await early);
  await held.release();
  const late = sessions.find("r1");
  vi.advanceTimersByTime(LATE_MS);
  expect(await late).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});
