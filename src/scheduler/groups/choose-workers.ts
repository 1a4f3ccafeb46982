// Which workers a member with `onEvery` runs on, as the board knows them at this moment.
import type { Member } from "../../shared/group.ts";
import { newJob } from "../../shared/job-machine.ts";
import type { WorkerView } from "../core/board.ts";
import { fits, shapeKey, shapeOf } from "../core/shape.ts";

/** Names of all workers that take new work and fit, or ids where workers share a name: a name outlives the worker's restart. */
export function chooseWorkers(
  { spec, onEvery = [] }: Member,
  workers: readonly WorkerView[],
): string[] {
  const wanted = newJob("", { ...spec, require: [...(spec.require ?? []), ...onEvery] }, 0);
  const shape = shapeOf(wanted, shapeKey(wanted));
  const fitting = workers
    .filter(({ beat, status }) => status === "ready" && fits(shape, beat))
    .map(({ beat }) => beat);
  const uses = new Map<string, number>();
  for (const { name } of fitting) uses.set(name, (uses.get(name) ?? 0) + 1);
  return fitting
    .map(({ id, name }) => (uses.get(name) === 1 ? name : id))
    .toSorted((a, b) => (a < b ? -1 : 1));
}
