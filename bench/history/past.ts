// A past of finished jobs, all different in what they can be searched by.
import { apply, newJob } from "../../src/shared/job-machine.ts";
import type { JobRecord, Outcome } from "../../src/shared/job.ts";

/** The definition that all of them are runs of. */
export const DEFINITION = "nightly";
/** One job in a thousand ends so. */
export const RARE_EXIT = 75;
/** Jobs end on this many workers, in this many queues, with this many values of the label `team`. */
export const KINDS = { workers: 50, queues: 10, teams: 100 } as const;

const APART_MS = 1_000;

export const queueName = (n: number): string => `queue-${n % KINDS.queues}`;
export const workerId = (n: number): string =>
  `host-${n % KINDS.workers}-${String(n % KINDS.workers).padStart(8, "0")}`;
export const team = (n: number): string => `team-${n % KINDS.teams}`;

/** The `n`th of `count` finished jobs; the last one has just ended. */
export function finishedJob(n: number, count: number, now: number): JobRecord {
  const submittedAt = now - (count - n) * APART_MS;
  const spec = {
    command: ["sh", "-c", `echo ${n}`],
    queue: queueName(n),
    labels: { team: team(n), run: String(n) },
  };
  const origin = { definition: { name: DEFINITION, version: 1 } };
  const record = newJob(String(n).padStart(20, "0"), spec, submittedAt, { origin });
  if (n % 100 === 99) {
    const cancelled = { type: "cancelled", actor: "bench", reason: "Not wanted." } as const;
    return apply(record, { ...cancelled, at: submittedAt + 500 });
  }
  const exitCode = n % 1_000 === 500 ? RARE_EXIT : n % 10 === 3 ? 1 : 0;
  const startedAt = submittedAt + (n % 7) * 10;
  return apply(record, {
    type: "finished",
    attempt: 1,
    worker: workerId(n),
    startedAt,
    at: startedAt + 50 + ((n * 7_919) % 60_000),
    random: 0,
    ending: { outcome: "exited" satisfies Outcome, exitCode },
  });
}
