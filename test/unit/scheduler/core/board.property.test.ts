// What holds after any sequence of facts.
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { matches, parseConstraint } from "../../../../src/shared/constraints.ts";
import { isFinal } from "../../../../src/shared/job.ts";
import type { Heartbeat } from "../../../../src/shared/messages.ts";
import type { Placement } from "../../../../src/scheduler/core/board.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { QUIET_MS } from "../../../../src/scheduler/core/row.ts";
import { createStage, heartbeat } from "./facts.ts";

const WORKERS = ["w0", "w1", "w2"];
const QUEUES = ["qa", "qb"];

const worker = fc.constantFrom(...WORKERS);
const basic = fc.record({
  queue: fc.constantFrom(...QUEUES),
  priority: fc.integer({ min: 4, max: 5 }),
});
const special: fc.Arbitrary<Partial<JobSpec>> = fc.oneof(
  fc.record({ slots: fc.constant(2) }),
  fc.record({ require: fc.constantFrom<string[]>(["zone=a"], ["zone=b"], ["zone=none"]) }),
  fc.record({ worker: fc.constantFrom("w0", "w1") }),
  fc.record({ handler: fc.constant("mail") }),
  fc.record({ delay: fc.constantFrom("100ms", "300ms") }),
  fc.constant({}),
  fc.constant({}),
);
const spec = fc
  .tuple(basic, special)
  .map((parts): Partial<JobSpec> => ({ ...parts[0], ...parts[1] }));
const seldom = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);

/** Small numbers choose among what is there at that moment. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("submit" as const), spec }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("beat" as const),
      worker,
      total: fc.integer({ min: 0, max: 3 }),
      zone: fc.constantFrom("a", "b"),
      handlers: fc.constantFrom<string[]>([], ["mail"]),
      cordoned: seldom,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("finish" as const, "fail" as const, "refuse" as const, "start" as const),
      pick: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel" as const, "uncancel" as const, "forget" as const),
      pick: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("queue" as const),
      queue: fc.constantFrom(...QUEUES),
      paused: seldom,
      maxRunning: fc.option(fc.integer({ min: 1, max: 2 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("leave" as const),
      worker,
      how: fc.constantFrom("left" as const, "expired" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(100, 500, 1_000, 3_000, QUIET_MS + 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("place" as const),
      max: fc.integer({ min: 1, max: 4 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A plain second opinion on the same facts, slow and obvious. */
function createModel() {
  const stage = createStage();
  const beats = new Map<string, { beat: Heartbeat; mono: number }>();
  const queues = new Map<string, { paused: boolean; maxRunning?: number }>();
  const given = new Map<string, Placement>();
  const cancelled = new Set<string>();
  let jobs = 0;

  const used = (id: string) =>
    [...given.values()]
      .filter((placement) => placement.worker === id)
      .reduce((sum, { job }) => sum + (stage.record(job).spec.slots ?? 1), 0);
  const running = (queue: string) =>
    [...given.keys()].filter((job) => stage.record(job).spec.queue === queue).length;

  function canStart(id: string): boolean {
    const { state, spec: wanted, notBefore } = stage.record(id);
    const queue = queues.get(wanted.queue ?? "");
    return (
      state === "queued" &&
      !given.has(id) &&
      !cancelled.has(id) &&
      (notBefore ?? 0) <= stage.now &&
      !queue?.paused &&
      running(wanted.queue ?? "") < (queue?.maxRunning ?? Infinity)
    );
  }

  function couldRun(id: string, { beat, mono }: { beat: Heartbeat; mono: number }): boolean {
    const { slots = 1, require = [], worker: pin, handler } = stage.record(id).spec;
    return (
      !beat.cordoned &&
      stage.mono - mono <= QUIET_MS &&
      beat.slots.total - used(beat.id) >= slots &&
      (pin === undefined || pin === beat.id) &&
      (handler === undefined || beat.handlers.includes(handler)) &&
      require.every((text) => matches(parseConstraint(text), beat.labels))
    );
  }

  const placeable = () =>
    [...stage.records.keys()].filter(
      (id) => canStart(id) && [...beats.values()].some((each) => couldRun(id, each)),
    );
  const rank = (id: string) => {
    const { spec: wanted, submittedAt } = stage.record(id);
    return [-(wanted.priority ?? 5), submittedAt, Number(id.slice(1))] as const;
  };

  /** Takes a placement over, after checking that it was the right one to make. */
  function accept(placement: Placement): void {
    const candidates = placeable().toSorted(
      (a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1] || rank(a)[2] - rank(b)[2],
    );
    expect(placement.job).toBe(candidates[0]);
    const chosen = beats.get(placement.worker);
    expect(chosen && couldRun(placement.job, chosen)).toBe(true);
    given.set(placement.job, placement);
    stage.confirm(placement);
  }

  function end(pick: number, act: "finish" | "fail" | "start"): void {
    const placement = [...given.values()][pick];
    if (!placement) return;
    if (act === "start") {
      if (stage.record(placement.job).state === "queued") stage.start(placement);
      return;
    }
    given.delete(placement.job);
    stage.finish(placement, act === "fail" ? 1 : 0);
  }

  function hear(each: Extract<Step, { do: "beat" }>): void {
    const held = [...given.values()]
      .filter((placement) => placement.worker === each.worker)
      .map(({ job, attempt }) => ({ job, attempt, startedAt: 0 }));
    const message = heartbeat(each.worker, {
      total: each.total,
      labels: { zone: each.zone },
      handlers: each.handlers,
      cordoned: each.cordoned,
      held,
      lastAssign: stage.assignSeq,
    });
    beats.set(each.worker, { beat: message, mono: stage.mono });
    stage.board.beat(message, stage.mono);
  }

  function intend(pick: number, act: "cancel" | "uncancel" | "forget"): void {
    const id = [...stage.records.keys()][pick];
    if (id === undefined) return;
    if (act === "cancel") stage.cancel(id);
    if (act === "cancel") cancelled.add(id);
    if (act === "uncancel") stage.board.cancelChanged(id, undefined);
    if (act === "uncancel") cancelled.delete(id);
    if (act !== "forget" || !isFinal(stage.record(id).state)) return;
    stage.seq += 1;
    stage.board.jobGone(id, stage.seq);
    stage.records.delete(id);
  }

  function run(each: Step): void {
    stage.now += 1;
    switch (each.do) {
      case "submit":
        return stage.submit(`j${jobs++}`, {
          retry: { attempts: 2, backoff: { initial: "0s" } },
          ...each.spec,
        });
      case "beat":
        return hear(each);
      case "finish":
      case "fail":
      case "start":
        return end(each.pick, each.do);
      case "refuse": {
        const [placement] = stage.place(1);
        if (placement) stage.board.unplace(placement);
        return;
      }
      case "cancel":
      case "uncancel":
      case "forget":
        return intend(each.pick, each.do);
      case "queue": {
        const settings = {
          paused: each.paused,
          ...(each.maxRunning === null ? {} : { maxRunning: each.maxRunning }),
        };
        queues.set(each.queue, settings);
        return stage.board.queueChanged(each.queue, settings);
      }
      case "leave":
        beats.delete(each.worker);
        return stage.board.workerGone(each.worker, each.how);
      case "wait":
        stage.now += 100; // far from the patience of large jobs, which is tested elsewhere
        stage.mono += each.ms;
        return;
      case "place":
        for (let i = 0; i < each.max; i += 1)
          for (const placement of stage.place(1)) accept(placement);
    }
  }

  return { stage, run, accept, placeable, used };
}

test("never too much on a worker, always the right one next, and nothing that could start stays behind", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100, size: "max" }), (steps) => {
      const { stage, run, accept, placeable, used } = createModel();
      for (const each of steps) {
        run(each);
        for (const view of stage.board.workers(stage.mono))
          expect(view.slots.used).toBe(used(view.beat.id));
      }
      stage.now += 1;
      for (let [placement] = stage.place(1); placement !== undefined; [placement] = stage.place(1))
        accept(placement);
      expect(placeable()).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
