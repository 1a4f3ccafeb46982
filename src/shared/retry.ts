// Whether a failed attempt is tried again, and how long to wait before.
import { durationMs } from "./durations.ts";
import type { Ending } from "./job.ts";
import type { RetryPolicy } from "./spec.ts";

/** A job whose worker died under it this often in one series is taken for the cause and fails. */
export const MAX_LOSSES = 3;

const LOST_BACKOFF = { initial: "1s", factor: 4, max: "1m", jitter: 0.2 } as const;

/** True when the policy wants another try after `failures` failed ones, the last of which ended as `ending`. */
export function retriesAfter(
  policy: RetryPolicy | undefined,
  failures: number,
  ending: Ending,
): boolean {
  if (failures >= (policy?.attempts ?? 1) || ending.outcome === "invalid_input") return false;
  const on = policy?.on;
  if (on === undefined) return true;
  return on.some((reason) =>
    typeof reason === "number" ? ending.exitCode === reason : reason === ending.outcome,
  );
}

/** Milliseconds before try `failures + 1`: min(max, initial × factor^(failures-1)), the jittered share of it random. */
export function backoffMs(
  backoff: RetryPolicy["backoff"],
  failures: number,
  random: number,
): number {
  const { initial = "1s", factor = 2, max = "5m", jitter = 0.2 } = backoff ?? {};
  const full = Math.min(durationMs(max), durationMs(initial) * factor ** Math.max(0, failures - 1));
  return Math.round(full * (1 - jitter + jitter * random));
}

/** The first loss is made good at once; after that each waits longer, in case the job is what kills its workers. */
export function lossBackoffMs(losses: number, random: number): number {
  return losses <= 1 ? 0 : backoffMs(LOST_BACKOFF, losses - 1, random);
}
