// What queue rules promise after any sequence of facts: bounded unfairness, no starvation, limits that are never exceeded.
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { createBoard, type Placement } from "../../../../src/scheduler/core/board.ts";
import { createStage, heartbeat } from "./facts.ts";

const QUEUE = "default";

test("of keys that wait all the time none gets two starts more than another, and a newcomer waits one round", () => {
  const backlog = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(backlog, fc.integer({ min: 1, max: 4 }), fc.nat(20), (sizes, slots, late) => {
      const stage = createStage();
      stage.beat("w", { total: slots });
      const left = new Map<string, number>();
      const submit = (key: string, count: number) => {
        for (let i = 0; i < count; i += 1) stage.submit(`${key}-${i}`, { key });
        left.set(key, count);
      };
      for (const [i, size] of sizes.entries()) submit(`k${i}`, size);
      const starts = new Map<string, number>();
      let sinceNewcomer: string[] | undefined;
      for (let round = 0; [...left.values()].some((count) => count > 0); round += 1) {
        stage.now += 1;
        if (round === late) {
          submit("new", 1);
          sinceNewcomer = [];
        }
        for (const placement of stage.placeAndConfirm()) {
          const key = placement.job.split("-")[0] as string;
          starts.set(key, (starts.get(key) ?? 0) + 1);
          sinceNewcomer?.push(key);
          left.set(key, (left.get(key) ?? 0) - 1);
          const waiting = [...left].filter(([name, count]) => name !== "new" && count > 0);
          const counts = waiting.map(([name]) => starts.get(name) ?? 0);
          expect(Math.max(...counts, 0) - Math.min(...counts, Infinity)).toBeLessThanOrEqual(1);
          stage.finish(placement);
        }
      }
      const before = sinceNewcomer?.slice(0, sinceNewcomer.indexOf("new")) ?? [];
      expect(new Set(before).size).toBe(before.length);
    }),
  );
});

test("whatever comes with priority 9, nothing waits longer than its way up takes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 1, max: 3 }),
      (priority, slots) => {
        const AGEING_MS = 1_000;
        const stage = createStage();
        stage.board.queueChanged(QUEUE, { paused: false, ageing: "1s" });
        stage.beat("w", { total: slots });
        stage.submit("humble", { priority });
        const from = stage.now;
        for (let i = 0; ; i += 1) {
          for (let n = 0; n < slots + 1; n += 1) stage.submit(`u${i}-${n}`, { priority: 9 });
          const placements = stage.placeAndConfirm();
          if (placements.some(({ job }) => job === "humble")) break;
          // what came after it may still go first while it climbs, what came before it topped may be left over
          expect(stage.now - from).toBeLessThanOrEqual((9 - priority) * AGEING_MS);
          for (const placement of placements) stage.finish(placement);
          for (const id of stage.records.keys())
            if (id.startsWith("u") && stage.record(id).state === "queued") stage.cancel(id);
          stage.now += 100;
        }
      },
    ),
    { numRuns: 30 },
  );
});

const seldom = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("submit" as const), pick: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("limit" as const), pick: fc.nat(3) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "place" as const,
        "refuse" as const,
        "finish" as const,
        "fail" as const,
        "cancel" as const,
        "retry" as const,
      ),
      pick: fc.nat(3),
    }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** Jobs of three keys on one large worker, and who runs by the plainest of accounts. */
function createKeyStage() {
  const stage = createStage();
  stage.beat("w", { total: 100 });
  const given = new Map<string, Placement>();
  let limit = 2;
  let jobs = 0;
  const keyOf = (id: string) => stage.record(id).spec.key ?? "";
  const running = (key: string) => [...given.keys()].filter((id) => keyOf(id) === key).length;
  const waiting = () =>
    [...stage.records.keys()].filter((id) => stage.record(id).state === "queued" && !given.has(id));

  function rule(to: number): void {
    limit = to;
    stage.board.queueChanged(QUEUE, { paused: false, ...(to === 0 ? {} : { perKey: { limit } }) });
  }

  function place(): void {
    for (const placement of stage.placeAndConfirm()) {
      given.set(placement.job, placement);
      expect(running(keyOf(placement.job))).toBeLessThanOrEqual(limit || Infinity);
    }
  }

  function end(pick: number, exitCode: number): void {
    const placement = [...given.values()][pick];
    if (placement === undefined) return;
    given.delete(placement.job);
    stage.finish(placement, exitCode);
  }

  function event(id: string | undefined, type: "cancelled" | "retried"): void {
    if (id !== undefined) stage.event(id, { type, at: stage.now, actor: "me", reason: "" });
  }

  const over = () =>
    [...stage.records.keys()].filter((id) => /succeeded|failed/.test(stage.record(id).state));
  const retry = { attempts: 2, backoff: { initial: "0s" } };
  const acts: Record<Act["do"], (pick: number) => void> = {
    submit: (pick) => stage.submit(`j${(jobs += 1)}`, { key: `k${pick}`, retry }),
    limit: rule,
    place,
    refuse: () => stage.place().forEach(stage.board.unplace),
    finish: (pick) => end(pick, 0),
    fail: (pick) => end(pick, 1),
    cancel: (pick) => event(waiting()[pick], "cancelled"),
    retry: (pick) => event(over()[pick], "retried"),
  };
  rule(limit);
  return {
    run(each: Act): void {
      stage.now += 1;
      acts[each.do](each.pick);
    },
    /** Jobs that wait although their key may run one more. */
    leftBehind(): string[] {
      stage.now += 1;
      place();
      return waiting().filter((id) => running(keyOf(id)) < (limit || Infinity));
    },
  };
}

test("a key never runs more than its limit, and no job stays behind that could start", () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 80 }), (acts) => {
      const { run, leftBehind } = createKeyStage();
      for (const each of acts) run(each);
      expect(leftBehind()).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test("no more than the rate in any window, over refusals, late confirmations and a change of leader", () => {
  const step = fc.record({
    waitMs: fc.nat(3_000),
    refused: fc.boolean(),
    confirmMs: fc.nat(500),
    heir: seldom,
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      (steps, limit) => {
        const settings = { paused: false, rate: { limit, per: "5s" } };
        const stage = createStage();
        const newLeader = () => {
          const board = createBoard();
          board.queueChanged(QUEUE, settings);
          board.beat(heartbeat("w", { total: 1_000 }), 0);
          return board;
        };
        const stored: { item: Placement; at: number }[] = [];
        let board = newLeader();
        for (let i = 0; i < 100; i += 1) stage.submit(`j${i}`);
        const tellJobs = () => {
          for (const { record, seq } of stage.records.values()) board.jobChanged(record, seq);
        };
        tellJobs();
        for (const { waitMs, refused, confirmMs, heir } of steps) {
          stage.now += waitMs;
          if (heir) {
            board = newLeader();
            tellJobs();
            for (const [i, { item, at }] of stored.entries())
              board.assigned({ ...item, queue: QUEUE }, "w", i + 1, at);
          }
          const placements = board.place(stage.now, 0, 100);
          stage.now += confirmMs;
          for (const item of placements) {
            if (refused) board.unplace(item);
            else {
              stored.push({ item, at: stage.now });
              board.assigned(item, item.worker, stored.length, stage.now);
            }
          }
          const lately = stored.filter(({ at }) => at > stage.now - 5_000);
          expect(lately.length).toBeLessThanOrEqual(limit);
        }
      },
    ),
    { numRuns: 100 },
  );
});
