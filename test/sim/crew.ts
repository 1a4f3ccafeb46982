// The processes of a history and their supervisor, who starts again whoever ended.
import { startScheduler, type SchedulerStation } from "./scheduler-station.ts";
import type { Stage, Station } from "./stage.ts";
import { startWorker, type WorkerPlan, type WorkerStation } from "./worker-station.ts";

export type Crew = {
  /** Those that live. */
  schedulers(): SchedulerStation[];
  workers(): WorkerStation[];
  hireScheduler(): void;
  hireWorker(plan: WorkerPlan, predecessor?: string): void;
  /** Kills, and starts another after so long. */
  replace(station: SchedulerStation | WorkerStation, afterMs: number): void;
  /** True when nobody is about to be started. */
  isComplete(): boolean;
  /** Whoever ended by itself is started again after so long. */
  relieve(station: Station, afterMs: number): void;
};

const ID_LENGTH = { job: 20, suffix: 8 };
/** A successor on the same host finds out what its predecessor was, unless that ran elsewhere. */
const KNOWS_PREDECESSOR = 0.6;
const LOOK_MS = 50;

export function createCrew(stage: Stage): Crew {
  const { world, random } = stage;
  const schedulers = new Set<SchedulerStation>();
  const workers = new Set<WorkerStation>();
  const leaving = new Set<Station>();
  let count = 0;
  const number = (length: number) => String((count += 1)).padStart(length, "0");

  const newJobId = () => number(ID_LENGTH.job);

  function hireScheduler(): void {
    schedulers.add(startScheduler(stage, `scheduler-${number(ID_LENGTH.suffix)}`, newJobId));
  }

  function hireWorker(plan: WorkerPlan, predecessor?: string): void {
    const id = `${plan.name}-${number(ID_LENGTH.suffix)}`;
    workers.add(startWorker(stage, id, plan, predecessor === undefined ? [] : [predecessor]));
  }

  function succeed(station: Station): void {
    leaving.delete(station);
    if (schedulers.delete(station as SchedulerStation)) hireScheduler();
    else if (workers.delete(station as WorkerStation)) {
      const { id, plan } = station as WorkerStation;
      hireWorker(plan, random.chance(KNOWS_PREDECESSOR) ? id : undefined);
    }
  }

  function relieve(station: Station, afterMs: number): void {
    leaving.add(station);
    if (station.host.alive) world.after(LOOK_MS, () => relieve(station, afterMs), world.outside);
    else world.after(afterMs, () => succeed(station), world.outside);
  }

  return {
    schedulers: () => [...schedulers].filter(({ host }) => host.alive),
    workers: () => [...workers].filter(({ host }) => host.alive),
    isComplete: () => leaving.size === 0,
    hireScheduler,
    hireWorker,
    replace(station, afterMs) {
      station.kill();
      relieve(station, afterMs);
    },
    relieve,
  };
}
