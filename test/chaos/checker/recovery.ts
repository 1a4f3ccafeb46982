// How long it took to be back at work after a fault, measured from the history.
import { isFinal } from "../../../src/shared/job.ts";
import type { FaultSeen, History } from "./history.ts";
import { endOf, tellStories, type Step, type World } from "./story.ts";

export type Figures = { count: number; p50: number; p99: number; max: number };

export type Recovery = Figures & {
  /** Kill of a worker → its job runs elsewhere. */
  worker: Figures;
  /** Kill of the leader → the next assignment. */
  leader: Figures;
  /** Broker is back → the next submit is accepted. */
  broker: Figures;
};

/** In milliseconds. What came while something else kept brokers or schedulers from their work is left out. */
export function measureRecovery(history: History): Recovery {
  const world = tellStories(history);
  const of = (kind: FaultSeen["fault"]) => world.faults.filter(({ fault }) => fault === kind);
  const accepted = world.submits.filter(({ answer }) => answer === "accepted");
  const worker = of("kill_worker").flatMap((fault) =>
    rescues(world, fault).flatMap((at) => undisturbed(world, fault, fault.at, at)),
  );
  const leader = of("kill_scheduler")
    .filter(({ led }) => led === true)
    .flatMap((fault) => undisturbed(world, fault, fault.at, nextReignAt(world, fault.at)));
  const broker = of("kill_broker").flatMap((fault) =>
    undisturbed(world, fault, fault.until, firstAfter(fault.until, accepted)),
  );
  return {
    ...figures([...worker, ...leader, ...broker]),
    worker: figures(worker),
    leader: figures(leader),
    broker: figures(broker),
  };
}

/** For each attempt that died with the worker and was to be tried again: when the next one started. */
function rescues(world: World, { at, target }: FaultSeen): number[] {
  return [...world.stories.values()].flatMap((story) => {
    const lost = story.given.findLast((given) => given.worker === target && given.at <= at);
    if (lost === undefined) return [];
    const end = endOf(story, lost.attempt);
    // what was lost before is no matter of this death
    if (end?.entry.what !== "lost" || end.storedAt < at || isFinal(end.entry.state) || !isFree(end))
      return [];
    const next = story.lines.find((line) => line.attempt > lost.attempt && line.what === "start");
    return next === undefined ? [] : [next.at];
  });
}

/** A job that is pinned to the worker waits for its return, and one that lost two workers waits in any case. */
const isFree = ({ version: { record } }: Step): boolean =>
  record.spec.worker === undefined && record.notBefore === undefined;

function firstAfter(at: number, seen: readonly { at: number }[]): number | undefined {
  const after = seen.filter((one) => one.at >= at).map((one) => one.at);
  return after.length === 0 ? undefined : Math.min(...after);
}

/** When the one who leads after that instant placed its first job. */
function nextReignAt({ assigns }: World, at: number): number | undefined {
  const epoch = assigns.findLast((message) => message.at <= at)?.epoch ?? 0;
  return assigns.find((message) => message.epoch > epoch && message.items.length > 0)?.at;
}

/** How long it took, unless something else happened to brokers or schedulers meanwhile. */
function undisturbed(
  { faults }: World,
  own: FaultSeen,
  from: number,
  until: number | undefined,
): number[] {
  if (until === undefined) return [];
  const isDisturbed = faults.some(
    (other) => other !== own && !onlyWorker(other) && other.at <= until && other.until >= from,
  );
  return isDisturbed ? [] : [until - from];
}

const onlyWorker = ({ fault }: FaultSeen): boolean => fault.endsWith("_worker");

function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
