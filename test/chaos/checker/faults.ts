// Which faults excuse what.
import type { FaultKind, FaultSeen } from "./history.ts";
import type { World } from "./story.ts";

const ON_WORKERS: ReadonlySet<FaultKind> = new Set([
  "kill_worker",
  "pause_worker",
  "cut_worker",
  "delay_worker",
  "reset_worker",
  "drain_worker",
  "kill_everything",
]);
/** After these a worker may run an attempt on without knowing that it lost it. */
const BLINDING: ReadonlySet<FaultKind> = new Set(["pause_worker", "cut_worker", "delay_worker"]);
const DEADLY: ReadonlySet<FaultKind> = new Set(["kill_worker", "kill_everything"]);

/** What is meant for all hits those that were there already. */
const hits = ({ workers }: World, { target, at }: FaultSeen, worker: string): boolean =>
  target === undefined ? (workers.get(worker)?.at ?? Infinity) <= at : target === worker;

/** Everything that was done to this worker itself; what is done to broker or schedulers is no reason to lose one. */
export const faultsOn = (world: World, worker: string): FaultSeen[] =>
  world.faults.filter((fault) => ON_WORKERS.has(fault.fault) && hits(world, fault, worker));

/** True when the worker was frozen or cut off at some moment between the two instants. */
export const wasBlind = (world: World, worker: string, from: number, until: number): boolean =>
  faultsOn(world, worker).some(
    (fault) => BLINDING.has(fault.fault) && fault.at <= until && fault.until >= from,
  );

/** The instant at which the worker was killed. */
export const killedAt = (world: World, worker: string): number | undefined =>
  faultsOn(world, worker).find(({ fault }) => DEADLY.has(fault))?.at;
