// What the board answers: listings, totals and reasons.
import { expect, test } from "vitest";

import { newJob } from "../../../../src/shared/job-machine.ts";
import { createStage } from "./facts.ts";

test("jobs are listed newest first, page by page, while others come and go", () => {
  const stage = createStage();
  for (let i = 0; i < 10; i += 1) {
    stage.now += 1;
    stage.submit(`j${i}`);
  }
  const first = stage.board.list({ limit: 4 });
  expect(first.jobs.map(({ id }) => id)).toEqual(["j9", "j8", "j7", "j6"]);
  stage.now += 1;
  stage.submit("newer");
  stage.board.jobGone("j6", 100);
  const second = stage.board.list({ limit: 4, ...(first.next ? { before: first.next } : {}) });
  expect(second.jobs.map(({ id }) => id)).toEqual(["j5", "j4", "j3", "j2"]);
  const third = stage.board.list({ limit: 4, ...(second.next ? { before: second.next } : {}) });
  expect(third).toMatchObject({ jobs: [{ id: "j1" }, { id: "j0" }] });
  expect(third.next).toBeUndefined();
});

test("a job that is learned of late stands where it was submitted", () => {
  const stage = createStage();
  for (let i = 0; i < 500; i += 1) {
    stage.now += 1;
    stage.submit(`j${i}`);
  }
  stage.now -= 400;
  stage.submit("late");
  expect(
    stage.board.list({ limit: 1_000 }).jobs.findIndex(({ id }) => id === "late"),
  ).toBeGreaterThanOrEqual(399);
});

test("filters", () => {
  const stage = createStage();
  stage.submit("a", { queue: "q", labels: { team: "x" } });
  stage.submit("b", { handler: "mail", labels: { team: "y" } });
  stage.submit("c");
  stage.beat("w");
  stage.placeAndConfirm();
  const ids = (query: object) => stage.board.list({ limit: 10, ...query }).jobs.map(({ id }) => id);
  expect(ids({ state: "running" })).toEqual(["a"]);
  expect(ids({ worker: "w" })).toEqual(["a"]);
  expect(ids({ queue: "q" })).toEqual(["a"]);
  expect(ids({ handler: "mail" })).toEqual(["b"]);
  expect(ids({ label: { key: "team" } })).toEqual(["b", "a"]);
  expect(ids({ label: { key: "team", value: "x" } })).toEqual(["a"]);
});

/** A day of finished jobs, one each second; each runs for as many ms as its number says. */
function history(count: number) {
  const stage = createStage();
  const began = stage.now;
  for (let n = 0; n < count; n += 1) {
    stage.now = began + n * 1_000;
    const id = `j${String(n).padStart(6, "0")}`;
    const spec = { command: ["true"], queue: `q${n % 7}`, labels: { n: String(n % 10) } };
    const origin = n % 3 === 0 ? { definition: { name: "nightly", version: 1 } } : undefined;
    stage.store(newJob(id, spec, stage.now, origin === undefined ? {} : { origin }));
    stage.event(id, {
      type: "finished",
      at: stage.now + n,
      startedAt: stage.now,
      attempt: 1,
      worker: `w${n % 2}`,
      ending: { outcome: "exited", exitCode: n % 100 === 0 ? 3 : 0 },
      random: 0,
    });
  }
  return { stage, began };
}

test("history is found by what it was and how it ended", () => {
  const { stage, began } = history(1_000);
  const found = (query: object) => stage.board.list({ limit: 1_000, ...query });
  const count = (query: object) => found(query).jobs.length;
  expect(count({ exitCode: 3 })).toBe(10);
  expect(count({ state: "failed", label: { key: "n", value: "0" } })).toBe(10);
  expect(count({ definition: "nightly" })).toBe(334);
  expect(count({ worker: "w1" })).toBe(500);
  expect(count({ from: began + 10_000, to: began + 20_000 })).toBe(10);
  expect(count({ from: began + 10_000, to: began + 20_000, sort: "duration" })).toBe(10);
  expect(
    found({ sort: "duration" })
      .jobs.map(({ id }) => id)
      .slice(0, 2),
  ).toEqual(["j000999", "j000998"]);
});

test("history in the order of its end, page by page, while jobs are retried and removed", () => {
  const { stage } = history(1_000);
  const page = (before?: { at: number; id: string }) =>
    stage.board.list({ limit: 300, sort: "finished", ...(before ? { before } : {}) });
  const first = page();
  stage.event("j000500", { type: "retried", at: stage.now, actor: "me" });
  stage.board.jobGone("j000400", stage.seq + 1);
  const second = page(first.next);
  const third = page(second.next);
  const fourth = page(third.next);
  expect(fourth.next).toBeUndefined();
  const ids = [first, second, third, fourth].flatMap(({ jobs }) => jobs.map(({ id }) => id));
  const all = Array.from({ length: 1_000 }, (_, n) => `j${String(999 - n).padStart(6, "0")}`);
  expect(ids).toEqual(all.filter((id) => id !== "j000500" && id !== "j000400"));
});

test("what is rare is found page by page in every order, however far apart it lies", () => {
  const { stage } = history(20_000);
  stage.event("j010000", { type: "retried", at: stage.now, actor: "me" });
  for (const sort of ["submitted", "finished", "duration"] as const) {
    const rare = { sort, exitCode: 3, label: { key: "n", value: "0" }, definition: "nightly" };
    const ids: string[] = [];
    for (let before, isLast = false; !isLast;) {
      const page = stage.board.list({ ...rare, limit: 30, ...(before && { before }) });
      ids.push(...page.jobs.map(({ id }) => id));
      before = page.next;
      isLast = before === undefined;
    }
    const all = Array.from(
      { length: 67 },
      (_, n) => `j${String(19_800 - 300 * n).padStart(6, "0")}`,
    );
    expect(ids).toEqual(all);
  }
});

test("a page costs no more than it has to", () => {
  const { stage, began } = history(20_000);
  const looked = (query: object) => stage.board.list({ limit: 50, ...query }).looked;
  expect(looked({})).toBe(51);
  expect(looked({ sort: "duration" })).toBe(51);
  const middle = stage.board.list({ limit: 50, to: began + 10_000_000 });
  expect(middle.looked).toBe(51);
  expect(looked({ before: middle.next })).toBe(51);
  expect(looked({ from: began + 5_000_000, to: began + 5_010_000, state: "failed" })).toBe(10);
  expect(looked({ label: { key: "none" } })).toBe(20_000);
  expect(looked({ state: "expired" })).toBe(0);
  expect(looked({ state: "failed", limit: 1_000 })).toBe(20_000);
  stage.submit("newest", { queue: "own" });
  expect(looked({ queue: "own" })).toBe(1);
});

test("throughput and waits are counted as things happen", () => {
  const stage = createStage();
  stage.now = 7_200_000;
  stage.submit("a");
  stage.submit("b", { retry: { attempts: 2, backoff: { initial: "10s", jitter: 0 } } });
  stage.beat("w", { total: 2 });
  const placements = stage.placeAndConfirm();
  stage.now += 90_000;
  for (const [n, placement] of placements.entries()) stage.finish(placement, n);
  stage.now += 10_050;
  for (const placement of stage.placeAndConfirm()) stage.finish(placement);
  const { minutes, hours } = stage.board.series(stage.now);
  expect(minutes).toHaveLength(60);
  expect(minutes[58]).toMatchObject({ at: 7_200_000, submitted: 2, started: 0, succeeded: 0 });
  expect(minutes[59]).toMatchObject({
    at: 7_260_000,
    submitted: 0,
    started: 3,
    succeeded: 2,
    wait: { maxMs: 90_000, p95Ms: 90_000 },
  });
  expect(hours).toHaveLength(24);
  expect(hours[23]).toMatchObject({ submitted: 2, started: 3, succeeded: 2, failed: 0 });
  expect(
    stage.board.series(stage.now + 3_600_000).minutes.every(({ started }) => started === 0),
  ).toBe(true);
});

test("depths follow every move", () => {
  const stage = createStage();
  stage.submit("a", { queue: "q" });
  stage.submit("b", { queue: "q" });
  stage.beat("w", { total: 4 });
  const depth = () => stage.board.queues().find(({ name }) => name === "q")?.depth;
  expect(depth()).toMatchObject({ queued: 2, running: 0 });
  const [a, b] = stage.placeAndConfirm();
  expect(depth()).toMatchObject({ queued: 0, running: 2 });
  if (a) stage.finish(a);
  if (b) stage.finish(b, 1);
  expect(depth()).toMatchObject({ queued: 0, running: 0, succeeded: 1, failed: 1 });
  stage.board.jobGone("a", 100);
  expect(depth()).toMatchObject({ succeeded: 0, failed: 1 });
  expect(stage.board.stats()).toMatchObject({
    jobs: { failed: 1 },
    workers: 1,
    slots: { total: 4, used: 0 },
  });
});

test("oldest waiting age looks at jobs that could start", () => {
  const stage = createStage();
  stage.submit("later", { delay: "1h" });
  stage.now += 10;
  stage.submit("now");
  expect(stage.board.queues()).toMatchObject([{ name: "default", oldestAt: stage.now }]);
});

test("why: each test says how many workers it removed", () => {
  const stage = createStage();
  stage.beat("a", { labels: { os: "linux", zone: "x" } });
  stage.beat("b", { labels: { os: "linux" } });
  stage.beat("c", { labels: { os: "mac" } });
  stage.submit("job", { require: ["os=linux", "zone=y"] });
  expect(stage.board.why("job", stage.now, 0)).toEqual({
    job: "job",
    reasons: [{ code: "no_match", constraints: ["os=linux", "zone=y"] }],
    workers: 3,
    filters: [
      { what: "os=linux", removed: 1 },
      { what: "zone=y", removed: 2 },
    ],
    ahead: 0,
  });
});

test("why: every reason", () => {
  const stage = createStage();
  const why = (id: string) => stage.board.why(id, stage.now, stage.mono)?.reasons;
  expect(why("nobody")).toBeUndefined();
  stage.submit("job");
  expect(why("job")).toEqual([{ code: "no_workers" }]);
  stage.beat("w", { total: 2 });
  expect(why("job")).toEqual([{ code: "next" }]);
  stage.submit("pinned", { worker: "gone" });
  expect(why("pinned")).toEqual([{ code: "worker_not_present", worker: "gone" }]);
  stage.submit("handler", { handler: "mail" });
  expect(why("handler")).toEqual([{ code: "no_such_handler", handler: "mail" }]);
  stage.submit("huge", { slots: 3 });
  expect(why("huge")).toEqual([{ code: "too_few_slots", needed: 3, largest: 2 }]);
  stage.submit("later", { delay: "1m" });
  expect(why("later")).toEqual([{ code: "not_before", at: stage.now + 60_000 }]);
  const [placement] = stage.placeAndConfirm();
  expect(why("job")).toEqual([{ code: "assigned", worker: "w", attempt: 1 }]);
  stage.submit("wide", { slots: 2 });
  expect(why("wide")).toEqual([{ code: "slots_in_pieces", needed: 2, mostFree: 1 }]);
  stage.submit("full", { queue: "q" });
  stage.placeAndConfirm();
  stage.submit("busy");
  expect(why("busy")).toEqual([{ code: "all_busy", workers: 1 }]);
  stage.submit("behind", { queue: "q" });
  stage.board.queueChanged("q", { paused: false, maxRunning: 1 });
  expect(why("behind")).toContainEqual({
    code: "queue_full",
    queue: "q",
    running: 1,
    maxRunning: 1,
  });
  stage.board.queueChanged("q", { paused: true });
  expect(why("behind")).toContainEqual({ code: "queue_paused", queue: "q" });
  stage.beat("w", { total: 2, cordoned: true });
  expect(why("busy")).toEqual([{ code: "not_accepting", cordoned: 1, draining: 0, quiet: 0 }]);
  stage.cancel("busy");
  expect(why("busy")).toEqual([{ code: "cancel_requested" }]);
  if (placement) stage.finish(placement);
  expect(why("job")).toEqual([{ code: "finished", state: "succeeded" }]);
});

test("why: position in the line, and the wait before a retry", () => {
  const stage = createStage();
  stage.submit("retry", { retry: { attempts: 2, backoff: { initial: "1m", jitter: 0 } } });
  stage.beat("w");
  const [placement] = stage.placeAndConfirm();
  if (placement) stage.finish(placement, 1);
  expect(stage.board.why("retry", stage.now, 0)?.reasons).toEqual([
    { code: "retry_backoff", at: stage.now + 60_000 },
  ]);
  for (const id of ["a", "b", "c"]) stage.submit(id, { require: ["none"] });
  stage.submit("urgent", { require: ["none"], priority: 9 });
  expect(stage.board.why("c", stage.now, 0)?.ahead).toBe(3);
});

test("watchers hear of their job until they are disposed", () => {
  const stage = createStage();
  const heard: string[] = [];
  const one = stage.board.watch("a", ({ id, gone }) => heard.push(`a:${id}:${gone}`));
  const all = stage.board.watch("*", ({ id, record }) => heard.push(`*:${id}:${record?.state}`));
  stage.submit("a");
  stage.submit("b");
  one[Symbol.dispose]();
  stage.board.jobGone("a", 9);
  all[Symbol.dispose]();
  stage.submit("c");
  expect(heard).toEqual(["a:a:false", "*:a:queued", "*:b:queued", "*:a:undefined"]);
});
