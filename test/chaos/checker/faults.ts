// Which faults excuse what.
import type { FaultKind, FaultSeen } from "./history.ts";
import type { World } from "./story.ts";

/** After these a worker may lose its attempts; a short delay or a new connection is no reason to, nor is anything done to brokers or schedulers. */
const COSTLY: ReadonlySet<FaultKind> = new Set([
  "kill_worker",
  "pause_worker",
  "cut_worker",
  "drain_worker",
  "kill_everything",
]);
/** Without a broker an attempt ends whose job does not run on alone. */
const SEPARATING: ReadonlySet<FaultKind> = new Set(["kill_broker", "pause_broker"]);
/** After these a worker may run an attempt on without knowing that it lost it. */
const BLINDING: ReadonlySet<FaultKind> = new Set(["pause_worker", "cut_worker"]);
const DEADLY: ReadonlySet<FaultKind> = new Set(["kill_worker", "kill_everything"]);

/** What is meant for all hits those that were there already. */
const hits = ({ workers }: World, { target, at }: FaultSeen, worker: string): boolean =>
  target === undefined ? (workers.get(worker)?.at ?? Infinity) <= at : target === worker;

const faultsOn = (world: World, worker: string, kinds: ReadonlySet<FaultKind>): FaultSeen[] =>
  world.faults.filter((fault) => kinds.has(fault.fault) && hits(world, fault, worker));

/** What may have cost this worker an attempt; `minds`: the job asked to be stopped when the broker is away. */
export const lossesOf = (world: World, worker: string, minds: boolean): FaultSeen[] => [
  ...faultsOn(world, worker, COSTLY),
  ...world.faults.filter(({ fault }) => minds && SEPARATING.has(fault)),
];

/** True when the worker was frozen or cut off at some moment between the two instants. */
export const wasBlind = (world: World, worker: string, from: number, until: number): boolean =>
  faultsOn(world, worker, BLINDING).some((fault) => fault.at <= until && fault.until >= from);

/** The instant at which the worker was killed. */
export const killedAt = (world: World, worker: string): number | undefined =>
  faultsOn(world, worker, DEADLY)[0]?.at;

/** A worker that was killed or left never comes back under its id, however late somebody can tell. */
export const isForGood = ({ fault }: FaultSeen): boolean =>
  DEADLY.has(fault) || fault === "drain_worker";
