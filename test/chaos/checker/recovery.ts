// How long it took to be back at work after a fault, measured from the history.
import { isFinal } from "../../../src/shared/job.ts";
import type { FaultKind, FaultSeen, History } from "./history.ts";
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

const DISTURBING: ReadonlySet<FaultKind> = new Set([
  "kill_broker",
  "pause_broker",
  "kill_everything",
]);

/** In milliseconds. A time in which a broker was away as well says nothing about worker or leader, and is left out. */
export function measureRecovery(history: History): Recovery {
  const world = tellStories(history);
  const of = (kind: FaultSeen["fault"]) => world.faults.filter(({ fault }) => fault === kind);
  const accepted = world.submits.filter(({ answer }) => answer === "accepted");
  const placed = world.assigns.filter(({ items }) => items.length > 0);
  const worker = of("kill_worker").flatMap((fault) => rescues(world, fault));
  const leader = of("kill_scheduler")
    .filter(({ led }) => led === true)
    .flatMap(({ at }) => undisturbed(world, at, firstAfter(at, placed)));
  const broker = of("kill_broker").flatMap(({ until: at }) => spanOf(at, firstAfter(at, accepted)));
  return {
    ...figures([...worker, ...leader, ...broker]),
    worker: figures(worker),
    leader: figures(leader),
    broker: figures(broker),
  };
}

/** For each attempt that died with the worker and was to be tried again: until the next one started. */
function rescues(world: World, { at, target }: FaultSeen): number[] {
  return [...world.stories.values()].flatMap((story) => {
    const lost = story.given.findLast((given) => given.worker === target && given.at <= at);
    if (lost === undefined) return [];
    const end = endOf(story, lost.attempt);
    if (end?.entry.what !== "lost" || isFinal(end.entry.state) || mustWait(end)) return [];
    const next = story.lines.find((line) => line.attempt > lost.attempt && line.what === "start");
    return undisturbed(world, at, next?.at);
  });
}

/** After a second loss the job itself has to wait before it is tried again. */
const mustWait = ({ version }: Step): boolean => version.record.notBefore !== undefined;

function firstAfter(at: number, seen: readonly { at: number }[]): number | undefined {
  const after = seen.filter((one) => one.at >= at).map((one) => one.at);
  return after.length === 0 ? undefined : Math.min(...after);
}

const spanOf = (from: number, until: number | undefined): number[] =>
  until === undefined ? [] : [until - from];

function undisturbed({ faults }: World, from: number, until: number | undefined): number[] {
  const isDisturbed = faults.some(
    (fault) =>
      DISTURBING.has(fault.fault) && fault.at <= (until ?? Infinity) && fault.until >= from,
  );
  return isDisturbed ? [] : spanOf(from, until);
}

function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
