// How long it took to be back at work after a fault, measured from the history.
import { isFinal } from "../../../src/shared/job.ts";
import type { FaultSeen, History } from "./history.ts";
import { endOf, tellStories, type Story, type World } from "./story.ts";

export type Figures = { count: number; p50: number; p99: number; max: number };

export type Recovery = Figures & {
  /** Kill of a worker → its job runs elsewhere. */
  worker: Figures;
  /** Kill of the leader → the next assignment. */
  leader: Figures;
  /** Broker is back → the next submit is accepted. */
  broker: Figures;
};

/** In milliseconds. */
export function measureRecovery(history: History): Recovery {
  const world = tellStories(history);
  const of = (kind: FaultSeen["fault"]) => world.faults.filter(({ fault }) => fault === kind);
  const worker = of("kill_worker").flatMap((fault) => rescues(world, fault));
  const leader = of("kill_scheduler")
    .filter(({ led }) => led === true)
    .flatMap(({ at }) =>
      until(
        at,
        world.assigns.filter(({ items }) => items.length > 0),
      ),
    );
  const accepted = world.submits.filter(({ answer }) => answer === "accepted");
  const broker = of("kill_broker").flatMap((fault) => until(fault.until, accepted));
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
    if (end?.entry.what !== "lost" || isFinal(end.entry.state) || waits(story, lost.attempt))
      return [];
    const next = story.lines.find((line) => line.attempt > lost.attempt && line.what === "start");
    return next === undefined ? [] : [next.at - at];
  });
}

/** After a second loss the job itself has to wait before it is tried again. */
const waits = (story: Story, attempt: number): boolean =>
  endOf(story, attempt)?.version.record.notBefore !== undefined;

function until(from: number, seen: readonly { at: number }[]): number[] {
  const after = seen.map(({ at }) => at).filter((at) => at >= from);
  return after.length === 0 ? [] : [Math.min(...after) - from];
}

function figures(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
