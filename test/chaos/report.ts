// What a run comes to: a few figures and what was wrong.
import { isFinal } from "../../src/shared/job.ts";
import { check } from "./checker/check.ts";
import type { FaultKind, History } from "./checker/history.ts";
import { measureRecovery, type Recovery } from "./checker/recovery.ts";
import type { Invariant, Violation } from "./checker/violation.ts";

export type Report = {
  seed: number;
  accepted: number;
  finished: number;
  lost: number;
  committedTwice: number;
  outputErrors: number;
  orphans: number;
  violations: Violation[];
  recoveryMs: Recovery;
  faults: Partial<Record<FaultKind, number>>;
};

const LOST: readonly Invariant[] = ["accepted_missing", "not_final"];
const TWICE: readonly Invariant[] = ["committed_twice", "changed_after_final", "history_rewritten"];
const ORPHANS: readonly Invariant[] = ["orphan", "cancelled_running", "outlived_worker"];

export function reportOn(history: History): Report {
  const violations = check(history);
  const count = (isMeant: (invariant: Invariant) => boolean) =>
    violations.filter(({ invariant }) => isMeant(invariant)).length;
  const final = new Map<string, boolean>();
  for (const seen of history)
    if (seen.kind === "record" && seen.record !== undefined)
      final.set(seen.job, isFinal(seen.record.state));
  const faults: Report["faults"] = {};
  for (const seen of history)
    if (seen.kind === "fault") faults[seen.fault] = (faults[seen.fault] ?? 0) + 1;
  return {
    seed: history.find((seen) => seen.kind === "run")?.seed ?? NaN,
    accepted: new Set(
      history.flatMap((seen) =>
        seen.kind === "submit" && seen.job !== undefined ? [seen.job] : [],
      ),
    ).size,
    finished: [...final.values()].filter(Boolean).length,
    lost: count((invariant) => LOST.includes(invariant)),
    committedTwice: count((invariant) => TWICE.includes(invariant)),
    outputErrors: count((invariant) => invariant.startsWith("output_")),
    orphans: count((invariant) => ORPHANS.includes(invariant)),
    violations,
    recoveryMs: measureRecovery(history),
    faults,
  };
}

/** For machines: one line, without the evidence. */
export const jsonLine = ({ violations, ...report }: Report): string =>
  JSON.stringify({
    ...report,
    violations: violations.map(({ invariant, job, why }) => ({ invariant, job, why })),
  });

/** For people. */
export function describe(report: Report): string {
  const { accepted, finished, violations, recoveryMs, faults } = report;
  const recovery = (["worker", "leader", "broker"] as const).map((what) => {
    const { count, p50, max } = recoveryMs[what];
    return `  after the death of a ${what}: ${count} times, p50 ${p50} ms, max ${max} ms`;
  });
  return [
    `seed ${report.seed}: ${accepted} accepted, ${finished} finished, ${violations.length} violations`,
    `faults: ${Object.entries(faults)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(", ")}`,
    "back at work",
    ...recovery,
    ...violations.map(({ invariant, job, why }) => `VIOLATION ${invariant} ${job ?? ""}: ${why}`),
  ].join("\n");
}
