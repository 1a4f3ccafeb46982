// Facts as the feeds would bring them: a board with records, workers and assignments made up for a test.
import { apply, newJob } from "../../../../src/shared/job-machine.ts";
import type { JobEvent, JobRecord } from "../../../../src/shared/job.ts";
import type { Heartbeat } from "../../../../src/shared/messages.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";
import { createBoard, type Placement } from "../../../../src/scheduler/core/board.ts";

export function heartbeat(
  id: string,
  changes: Partial<Omit<Heartbeat, "slots">> & { total?: number } = {},
): Heartbeat {
  const { total = 1, ...rest } = changes;
  return {
    v: 1,
    protocol: 1,
    id,
    name: id,
    version: "0",
    pid: 1,
    startedAt: 0,
    labels: {},
    slots: { total, free: total },
    held: [],
    handlers: [],
    lastAssign: 0,
    load: [0, 0, 0],
    memory: { totalMb: 1, freeMb: 1 },
    uptimeS: 0,
    cordoned: false,
    draining: false,
    ...rest,
  };
}

/** Plays submitters, workers and broker for one board. Clocks stand still until they are moved. */
export function createStage() {
  const board = createBoard();
  const records = new Map<string, { record: JobRecord; seq: number }>();
  const stage = {
    board,
    records,
    now: 1_000_000,
    mono: 0,
    seq: 0,
    assignSeq: 0,
    submit(id: string, spec: Partial<JobSpec> = {}): void {
      stage.store(newJob(id, { command: ["true"], ...spec }, stage.now));
    },
    store(record: JobRecord): void {
      stage.seq += 1;
      records.set(record.id, { record, seq: stage.seq });
      board.jobChanged(record, stage.seq);
    },
    event(id: string, event: JobEvent): void {
      stage.store(apply(stage.record(id), event));
    },
    /** Takes an attempt from its worker, as a leader does. */
    lose(id: string, { attempt = 1, worker = "w", cancelled = false } = {}): void {
      const { now: at } = stage;
      stage.event(id, { type: "lost", at, attempt, worker, cancelled, reason: "gone", random: 0 });
    },
    record(id: string): JobRecord {
      const known = records.get(id);
      if (!known) throw new Error(`no record ${id}`);
      return known.record;
    },
    beat(id: string, changes: Parameters<typeof heartbeat>[1] = {}): void {
      board.beat(heartbeat(id, changes), stage.mono);
    },
    place(max = 1_000): Placement[] {
      return board.place(stage.now, stage.mono, max);
    },
    /** Says that the placement's assignment was stored. */
    confirm(placement: Placement): void {
      stage.assignSeq += 1;
      board.assigned(placement, placement.worker, stage.assignSeq, stage.now);
    },
    placeAndConfirm(): Placement[] {
      const placements = stage.place();
      for (const placement of placements) stage.confirm(placement);
      return placements;
    },
    start({ job, attempt, worker }: Placement): void {
      stage.event(job, { type: "started", at: stage.now, attempt, worker });
    },
    finish({ job, attempt, worker }: Placement, exitCode = 0): void {
      stage.event(job, {
        type: "finished",
        at: stage.now,
        attempt,
        worker,
        startedAt: stage.now,
        ending: { outcome: "exited", exitCode },
        random: 0,
      });
    },
    cancel(id: string): void {
      board.cancelChanged(id, { v: 1, at: stage.now, actor: "me", reason: "not needed" });
    },
    placed: (): string[] => stage.place().map(({ job, worker }) => `${job}@${worker}`),
  };
  return stage;
}
