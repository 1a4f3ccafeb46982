// Lets the troubles of a scenario happen.
import { createSubjects } from "../../src/shared/subjects.ts";
import type { AssignmentBatch } from "../../src/shared/messages.ts";
import type { AssignSeen, FaultKind, RecordSeen } from "../chaos/checker/history.ts";
import { FORGED } from "./chronicle.ts";
import type { Direction } from "./connection.ts";
import type { Crew } from "./crew.ts";
import { CAPPED, type Blow, type Disaster, type Trouble } from "./scenario.ts";
import type { SchedulerStation } from "./scheduler-station.ts";
import type { Stage } from "./stage.ts";
import type { WorkerStation } from "./worker-station.ts";

type Victim = SchedulerStation | WorkerStation;

const WAYS: readonly (readonly Direction[])[] = [["out"], ["in"], ["out", "in"]];
/** A broker that is started again is back soon. */
const MAX_DOWN_MS = 3_000;
const MAX_ELECTION_MS = 5_000;
/** Who leads is hit more often than the others. */
const HITS_LEADER = 0.7;

/** Everything is over when the calm begins. */
export function cause(stage: Stage, crew: Crew, trouble: Trouble, calmAt: number): void {
  const { world } = stage;
  const { what, at } = trouble;
  world.at(at, world.outside, () => {
    if (isBlow(what)) aim(stage, crew, what, trouble, calmAt);
    else DISASTERS[what](stage, crew, lasting(stage, trouble, calmAt));
  });
}

const lasting = ({ world }: Stage, { forMs }: Trouble, calmAt: number): number =>
  Math.min(forMs, calmAt - world.now);

const isBlow = (what: Trouble["what"]): what is Blow => what in BLOWS;

function aim(stage: Stage, crew: Crew, what: Blow, trouble: Trouble, calmAt: number): void {
  const victim = what.endsWith("_worker")
    ? anyOf(stage, crew.workers())
    : someScheduler(stage, crew);
  if (victim === undefined) return;

  function strike(struck: Victim): void {
    const forMs = lasting(stage, trouble, calmAt);
    if (struck.host.alive && forMs > 0) BLOWS[what](stage, crew, struck, forMs);
  }

  const { trap } = trouble;
  if (trap === undefined) strike(victim);
  else victim.broker.setTrap({ ...trap, act: () => strike(victim) });
}

const anyOf = <T>({ random }: Stage, all: readonly T[]): T | undefined =>
  all.length === 0 ? undefined : random.pick(all);

function someScheduler(stage: Stage, crew: Crew): SchedulerStation | undefined {
  const all = crew.schedulers();
  const leader = all.find(({ leads }) => leads());
  return leader !== undefined && stage.random.chance(HITS_LEADER) ? leader : anyOf(stage, all);
}

type Strike = (stage: Stage, crew: Crew, victim: Victim, forMs: number) => void;

const kill =
  (fault: FaultKind): Strike =>
  ({ chronicle }, crew, victim, forMs) => {
    chronicle.fault(fault, forMs, victim.host.name);
    crew.replace(victim, forMs);
  };

const freeze =
  (fault: FaultKind): Strike =>
  ({ chronicle, world }, _crew, { host }, forMs) => {
    chronicle.fault(fault, forMs, host.name);
    host.frozenUntil = world.now + forMs;
  };

const cut =
  (fault: FaultKind): Strike =>
  ({ chronicle, world, random }, _crew, { host, broker }, forMs) => {
    chronicle.fault(fault, forMs, host.name);
    broker.connection.cut(random.pick(WAYS));
    world.after(forMs, broker.connection.heal, world.outside);
  };

const reset =
  (fault: FaultKind): Strike =>
  ({ chronicle }, _crew, { host, broker }, forMs) => {
    chronicle.fault(fault, forMs, host.name);
    broker.connection.lose();
  };

const BLOWS: Record<Blow, Strike> = {
  kill_worker: kill("kill_worker"),
  pause_worker: freeze("pause_worker"),
  cut_worker: cut("cut_worker"),
  reset_worker: reset("reset_worker"),
  drain_worker({ chronicle }, crew, victim, forMs) {
    chronicle.fault("drain_worker", forMs, victim.host.name);
    (victim as WorkerStation).drain();
    crew.relieve(victim, forMs);
  },
  cordon_worker({ world }, _crew, victim, forMs) {
    const { enter, worker } = victim as WorkerStation;
    enter(() => worker.duty.cordon(true));
    world.after(forMs, () => enter(() => worker.duty.cordon(false)), world.outside);
  },
  kill_scheduler: kill("kill_scheduler"),
  pause_scheduler: freeze("pause_scheduler"),
  cut_scheduler: cut("cut_scheduler"),
  reset_scheduler: reset("reset_scheduler"),
  stop_scheduler({ chronicle }, crew, victim, forMs) {
    chronicle.fault("kill_scheduler", forMs, victim.host.name);
    (victim as SchedulerStation).stop();
    crew.relieve(victim, forMs);
  },
};

const DISASTERS: Record<Disaster, (stage: Stage, crew: Crew, forMs: number) => void> = {
  kill_broker({ chronicle, server }, _crew, forMs) {
    const downMs = Math.min(forMs, MAX_DOWN_MS);
    chronicle.fault("kill_broker", downMs);
    server.restart(downMs);
  },
  pause_broker({ chronicle, server }, _crew, forMs) {
    chronicle.fault("pause_broker", forMs);
    server.freeze(forMs);
  },
  elect({ chronicle, server }, _crew, forMs) {
    const electionMs = Math.min(forMs, MAX_ELECTION_MS);
    chronicle.fault("pause_broker", electionMs);
    server.elect(electionMs);
  },
  pause_queue(stage, _crew, forMs) {
    setQueue(stage, true);
    stage.world.after(forMs, () => setQueue(stage, false), stage.world.outside);
  },
  stale_leader: (stage, crew) => assignAsOf(stage, crew),
  kill_everything(stage, crew, forMs) {
    for (const worker of crew.workers()) BLOWS.kill_worker(stage, crew, worker, forMs);
    for (const scheduler of crew.schedulers()) BLOWS.kill_scheduler(stage, crew, scheduler, forMs);
    DISASTERS.kill_broker(stage, crew, forMs);
  },
};

/** An assignment under an epoch that the worker knows to be over, as if its writer had got past the log's guard. */
function assignAsOf(stage: Stage, crew: Crew): void {
  const { chronicle, server } = stage;
  const worker = anyOf(stage, crew.workers())?.id;
  const newest = chronicle.history.findLast(
    (seen): seen is AssignSeen => seen.kind === "assign" && seen.worker === worker,
  );
  const waiting = chronicle.history.filter(
    (seen): seen is Required<RecordSeen> =>
      seen.kind === "record" &&
      seen.record?.state === "queued" &&
      chronicle.states.get(seen.job) === "queued",
  );
  const ground = waiting.at(-1);
  if (worker === undefined || newest === undefined || ground === undefined) return;
  const { record, seq } = ground;
  const items = [{ attempt: record.attempt + 1, seq, record }];
  const batch: AssignmentBatch = { v: 1, epoch: newest.epoch - 1, items };
  server.force(createSubjects().assign.to(worker), JSON.stringify(batch), { [FORGED]: "1" });
}

export function setQueue(stage: Stage, paused: boolean): void {
  const { queue, maxRunning } = CAPPED;
  stage.server.force(createSubjects().queues.key(queue), JSON.stringify({ paused, maxRunning }));
}

/** Ends everything that is wrong. Who was killed comes back in its own time. */
export function heal(crew: Crew): void {
  for (const { broker } of [...crew.schedulers(), ...crew.workers()]) {
    broker.connection.heal();
    broker.setTrap(undefined);
  }
}
