// Judges a history against the contract. Pure.
import { checkAssignments } from "./assignments.ts";
import { checkExecution } from "./execution.ts";
import type { History } from "./history.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkLoad } from "./load.ts";
import { checkOutput } from "./output.ts";
import { checkRecords } from "./records.ts";
import { tellStories, type World } from "./story.ts";
import { checkSubmits } from "./submits.ts";
import type { Accuse, Violation } from "./violation.ts";

/** What a history can be judged on; each needs its own kinds of observations. */
export const ASPECTS = {
  /** submit, record */
  submits: checkSubmits,
  /** record, fault */
  records: checkRecords,
  /** record, assign, worker, cancel */
  assignments: checkAssignments,
  /** record, assign, worker, queue */
  load: checkLoad,
  /** record, assign, line, fault */
  execution: checkExecution,
  /** record, line, output */
  output: checkOutput,
  /** record, process, worker, scheduler, alive, fault */
  leftovers: checkLeftovers,
} as const satisfies Record<string, (world: World, accuse: Accuse) => void>;

export type Aspect = keyof typeof ASPECTS;

export function check(
  history: History,
  aspects: readonly Aspect[] = Object.keys(ASPECTS) as Aspect[],
): Violation[] {
  const world = tellStories(history);
  const violations: Violation[] = [];
  const accuse: Accuse = (invariant, why, evidence, job) =>
    void violations.push({ invariant, ...(job === undefined ? {} : { job }), why, evidence });
  for (const aspect of aspects) ASPECTS[aspect](world, accuse);
  return violations;
}
