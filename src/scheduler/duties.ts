// What a leader does beside placing: each duty runs while the lease holds, and one that fails is begun again without disturbing the others.
import { pause } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import type { LeaderLease } from "../shared/messages.ts";

/**
 * Runs until the signal aborts. A deposed leader's duty may overlap the next one's for a moment, so that everything
 * it writes must be harmless when written twice: named by what it stands for, or changed by compare-and-set.
 */
export type Duty = {
  readonly name: string;
  run(signal: AbortSignal, lease: LeaderLease): Promise<void>;
};

const RETRY_MS = 1_000;

export async function runDuties(
  duties: readonly Duty[],
  lease: LeaderLease,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  await Promise.all(duties.map((duty) => insist(duty, lease, signal, log)));
}

async function insist(
  duty: Duty,
  lease: LeaderLease,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await duty.run(signal, lease);
    } catch (error) {
      log.warn({ event: "duty_failed", duty: duty.name, error }, "a duty is begun again");
    }
    await pause(RETRY_MS, signal);
  }
}
