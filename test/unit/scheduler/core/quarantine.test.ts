// Which failures take a worker out, what it is given then, and what lets it in again.
import { describe, expect, test } from "vitest";

import { newJob } from "../../../../src/shared/job-machine.ts";
import type { Attempt } from "../../../../src/shared/job.ts";
import { QUARANTINE, quarantined, type Quarantine } from "../../../../src/shared/quarantine.ts";
import type { Placement } from "../../../../src/scheduler/core/board.ts";
import { createStage } from "./facts.ts";

type Stage = ReturnType<typeof createStage>;

const BAD = "bad-00000000";
const HANDLERS = { handlers: ["h"], total: 4 };
let jobs = 0;

/** Places one more job on the worker. */
function give(stage: Stage, spec: object = {}): Placement {
  const id = `job${(jobs += 1)}`;
  stage.submit(id, { worker: BAD, ...spec });
  const placement = stage.placeAndConfirm().find(({ job }) => job === id);
  if (placement === undefined) throw new Error(`${id} waits`);
  return placement;
}

const end = (stage: Stage, { job, attempt, worker }: Placement, ending: Partial<Attempt>) =>
  stage.event(job, {
    type: "finished",
    at: stage.now,
    startedAt: stage.now,
    attempt,
    worker,
    ending: { outcome: "spawn_failed", ...ending } as never,
    random: 0,
  });
const failToStart = (stage: Stage, placement: Placement) =>
  end(stage, placement, { workersFault: true, reason: "no more processes" });
const lose = (stage: Stage, { job, attempt, worker }: Placement) =>
  stage.lose(job, { attempt, worker });

const verdicts = (stage: Stage) =>
  stage.board.verdicts().map(({ worker, how }) => `${worker} ${how}`);

/** The entry that the leader would write, as it comes back. */
function carryOut(stage: Stage, before?: Quarantine): Quarantine | undefined {
  const [verdict] = stage.board.verdicts();
  if (verdict === undefined) throw new Error("no verdict");
  const entry =
    verdict.how === "out" ? quarantined(before, { ...verdict, at: stage.now }) : undefined;
  stage.board.quarantineChanged("bad", entry);
  return entry;
}

function failing(): Stage {
  const stage = createStage();
  stage.beat(BAD, HANDLERS);
  for (let i = 0; i < QUARANTINE.failures; i += 1) failToStart(stage, give(stage));
  return stage;
}

describe("a worker is taken out", () => {
  test("when it could not start three attempts in a row", () => {
    const stage = failing();
    expect(stage.board.verdicts()).toMatchObject([
      { worker: "bad", how: "out", reason: "no more processes" },
    ]);
  });

  test("when it died three times, under whatever id", () => {
    const stage = createStage();
    for (const id of ["bad-00000001", "bad-00000002", "bad-00000003"]) {
      stage.beat(id, HANDLERS);
      const given = give(stage, { worker: id });
      stage.board.workerGone(id, "left");
      lose(stage, given);
    }
    expect(verdicts(stage)).toEqual(["bad out"]);
    expect(stage.board.workers(stage.mono)).toEqual([]);
    carryOut(stage);
    stage.beat("bad-00000004", HANDLERS);
    expect(stage.board.worker("bad-00000004", stage.mono)?.status).toBe("quarantined");
  });
});

describe("a worker stays in", () => {
  test.each<[string, Partial<Attempt>]>([
    ["jobs fail", { outcome: "exited", exitCode: 1 }],
    ["programs are not there", { outcome: "spawn_failed" }],
    ["jobs run too long", { outcome: "timed_out" }],
  ])("however many %s", (_what, ending) => {
    const stage = createStage();
    stage.beat(BAD, HANDLERS);
    for (let i = 0; i < 10; i += 1) end(stage, give(stage), ending);
    expect(stage.board.verdicts()).toEqual([]);
  });

  test("when jobs run well between the failures", () => {
    const stage = createStage();
    stage.beat(BAD, HANDLERS);
    for (let i = 0; i < 10; i += 1) {
      failToStart(stage, give(stage));
      failToStart(stage, give(stage));
      stage.finish(give(stage), 1);
    }
    expect(stage.board.verdicts()).toEqual([]);
  });

  test("when many attempts fail at once: that is one failure", () => {
    const stage = createStage();
    stage.beat(BAD, { total: 16 });
    const given = Array.from({ length: 16 }, () => give(stage));
    for (const placement of given) failToStart(stage, placement);
    expect(stage.board.verdicts()).toEqual([]);
  });

  test("when it is always the same job that it dies with, whatever ran beside it", () => {
    const stage = createStage();
    stage.submit("poison", { worker: "bad" });
    for (let i = 1; i <= 3; i += 1) {
      const id = `bad-0000000${i}`;
      stage.now += 3_600_000;
      stage.beat(id, { ...HANDLERS, name: "bad" });
      give(stage, { worker: id });
      stage.board.workerGone(id, "left");
      const lost = stage.board.lost(stage.mono, 0);
      expect(lost).toHaveLength(2);
      for (const { job, attempt } of lost) lose(stage, { job, attempt, worker: id, seq: 0 });
    }
    expect(stage.record("poison").state).toBe("failed");
    expect(stage.board.verdicts()).toEqual([]);
  });

  test("when it dies with a handler in it", () => {
    const stage = createStage();
    for (let i = 1; i <= 5; i += 1) {
      const id = `bad-0000000${i}`;
      stage.beat(id, HANDLERS);
      const [command, handler] = [
        give(stage, { worker: id }),
        give(stage, { worker: id, handler: "h" }),
      ];
      stage.board.workerGone(id, "left");
      lose(stage, command);
      lose(stage, handler);
    }
    expect(stage.board.verdicts()).toEqual([]);
  });
});

describe("in quarantine", () => {
  test("it gets nothing until its time has come, then one job at a time", () => {
    const stage = failing();
    const entry = carryOut(stage);
    expect(stage.board.verdicts()).toEqual([]);
    for (const id of ["first", "second"]) stage.submit(id, { worker: BAD });
    expect(stage.placed()).toEqual([]);
    expect(stage.board.worker(BAD, stage.mono)).toMatchObject({
      status: "quarantined",
      quarantine: entry,
    });
    expect(stage.board.why("first", stage.now, stage.mono)?.reasons).toMatchObject([
      { code: "not_accepting", quarantined: 1 },
    ]);
    expect(stage.board.nextDueAt()).toBe(entry?.probeAt);
    stage.now += QUARANTINE.firstProbeMs;
    const [probe, ...others] = stage.placeAndConfirm();
    expect(probe).toMatchObject({ job: "first", worker: BAD });
    expect(others).toEqual([]);
    stage.finish(probe!, 1);
    expect(verdicts(stage)).toEqual(["bad released"]);
    carryOut(stage);
    expect(stage.placed()).toEqual([`second@${BAD}`]);
  });

  test("a probe that fails doubles the wait for the next", () => {
    const stage = failing();
    let entry = carryOut(stage);
    for (const wait of [10_000, 20_000, 40_000]) {
      stage.now = entry?.probeAt ?? 0;
      failToStart(stage, give(stage));
      entry = carryOut(stage, entry);
      expect(entry?.probeAt).toBe(stage.now + wait);
    }
    expect(entry?.probes).toBe(3);
  });

  test("what was given before counts neither for nor against it", () => {
    const stage = createStage();
    stage.beat(BAD, HANDLERS);
    const [good, bad] = [give(stage), give(stage)];
    for (let i = 0; i < QUARANTINE.failures; i += 1) failToStart(stage, give(stage));
    carryOut(stage);
    stage.finish(good);
    failToStart(stage, bad);
    expect(stage.board.verdicts()).toEqual([]);
  });

  test("one whose slots are reserved is probed as well", () => {
    const stage = createStage();
    stage.beat(BAD, HANDLERS);
    stage.store(newJob("held", {}, stage.now, { origin: { holds: true } }));
    for (let i = 0; i < QUARANTINE.failures; i += 1) failToStart(stage, give(stage));
    carryOut(stage);
    for (const id of ["inside", "too"]) stage.submit(id, { reservation: "held" });
    expect(stage.placed()).toEqual([]);
    stage.now += QUARANTINE.firstProbeMs;
    expect(stage.placed()).toEqual([`inside@${BAD}`]);
  });

  test("what else it still runs keeps it from being probed", () => {
    const stage = createStage();
    stage.beat(BAD, HANDLERS);
    const long = give(stage);
    for (let i = 0; i < QUARANTINE.failures; i += 1) failToStart(stage, give(stage));
    carryOut(stage);
    stage.now += QUARANTINE.firstProbeMs;
    stage.submit("waiting", { worker: BAD });
    expect(stage.placed()).toEqual([]);
    stage.finish(long);
    expect(stage.placed()).toEqual([`waiting@${BAD}`]);
  });

  test("whoever lets it in again wakes what waits for it", () => {
    const stage = failing();
    carryOut(stage);
    let rang = 0;
    using _watch = stage.board.onQuarantine(() => {
      rang += 1;
    });
    stage.submit("waiting", { worker: BAD });
    expect(stage.placed()).toEqual([]);
    stage.board.quarantineChanged("bad", undefined);
    expect(rang).toBe(1);
    expect(stage.placed()).toEqual([`waiting@${BAD}`]);
    expect(stage.board.verdicts()).toEqual([]);
  });
});
