// Load: what is assigned and not ended by the record never exceeds a worker's slots or a queue's limit.
import { SPEC_DEFAULTS, type JobSpec } from "../../../src/shared/spec.ts";
import { endOf, type Given, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

type Change = { at: number; by: number; given: Given };

export function checkLoad(world: World, accuse: Accuse): void {
  const stories = [...world.stories.values()];
  for (const { worker, slots } of world.workers.values()) {
    const changes = stories.flatMap((story) =>
      changesOf(story, (given) => given.worker === worker, slotsOf),
    );
    const over = firstAbove(changes, slots);
    if (over !== undefined)
      accuse("slots_exceeded", `${worker} has ${slots} slots.`, [over.given], over.given.job);
  }
  for (const { queue, maxRunning, at } of world.of("queue")) {
    const isCounted = (given: Given, spec: JobSpec) =>
      (spec.queue ?? SPEC_DEFAULTS.queue) === queue && given.at >= at;
    const changes = stories.flatMap((story) => changesOf(story, isCounted, () => 1));
    const over = firstAbove(changes, maxRunning);
    if (over !== undefined)
      accuse("queue_exceeded", `${queue} may run ${maxRunning}.`, [over.given], over.given.job);
  }
}

const slotsOf = ({ slots }: JobSpec): number => slots ?? SPEC_DEFAULTS.slots;

/** Every counted assignment of the job adds when it is stored, and takes away when the record ends or passes over it. */
function changesOf(
  story: Story,
  isCounted: (given: Given, spec: JobSpec) => boolean,
  weigh: (spec: JobSpec) => number,
): Change[] {
  const spec = story.versions[0]?.record.spec;
  if (spec === undefined) return [];
  return story.given
    .filter((given) => isCounted(given, spec))
    .flatMap((given) => {
      const end = endOf(story, given.attempt)?.storedAt ?? overtakenAt(story, given);
      const close =
        end === undefined ? [] : [{ at: Math.max(end, given.at), by: -weigh(spec), given }];
      return [{ at: given.at, by: weigh(spec), given }, ...close];
    });
}

/** An assignment on a record that was replaced without the attempt has come to nothing. */
const overtakenAt = ({ versions }: Story, { seq, attempt }: Given): number | undefined =>
  versions.find((version) => version.seq > seq && version.record.attempt < attempt)?.at;

/** At one instant what ends goes before what begins. */
function firstAbove(changes: Change[], limit: number): Change | undefined {
  let sum = 0;
  return changes
    .toSorted((a, b) => a.at - b.at || a.by - b.by)
    .find(({ by }) => (sum += by) > limit);
}
