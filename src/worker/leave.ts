// Leaving: what runs may finish until the time is up, the rest is stopped and handed back.
import { aborted, pause } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import type { Attempts } from "./attempts.ts";

export type LeaveDeps = {
  attempts: Pick<Attempts, "idle" | "stopAll" | "longestGraceMs" | "count">;
  /** How long running attempts may go on. */
  timeoutMs: number;
  /** Aborts when there is no time left at all. */
  now: AbortSignal;
  /** Ends what runs, without grace. */
  kill(): Promise<void>;
  /** Ends all waiting for the broker. */
  giveUp: AbortController;
  log: Log;
};

/** Longest drain: a day. */
const MAX_DRAIN_MS = 86_400_000;
/** After this long without being recorded the leader counts a leaving worker's attempts as lost anyway. */
const RECORD_MS = 10_000;
const LAST_WORDS_MS = 2_000;
/** A publish that is under way cannot be called back; it ends by itself. */
const PUBLISH_MS = 6_000;

/** Resolves when nothing is held, or nothing more can be done about it. Starting must be closed before. */
export async function leave(deps: LeaveDeps): Promise<void> {
  const { attempts, now, kill, giveUp, log } = deps;
  const timeoutMs = Math.min(deps.timeoutMs, MAX_DRAIN_MS);
  log.info({ event: "draining", held: attempts.count, timeoutMs }, "worker leaves");
  if (await idleWithin(attempts, timeoutMs, now)) return;
  log.warn({ event: "drain_over", held: attempts.count }, "stopping what still runs");
  attempts.stopAll("drain");
  if (await idleWithin(attempts, attempts.longestGraceMs() + RECORD_MS, now)) return;
  await kill();
  if (await idleWithin(attempts, LAST_WORDS_MS)) return;
  giveUp.abort();
  await idleWithin(attempts, PUBLISH_MS);
  log.error({ event: "left_behind", held: attempts.count }, "left without recording every end");
}

async function idleWithin(
  attempts: Pick<Attempts, "idle" | "count">,
  ms: number,
  now?: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  await Promise.race([
    attempts.idle(),
    pause(ms, over.signal),
    ...(now === undefined ? [] : [aborted(now)]),
  ]);
  over.abort();
  return attempts.count === 0;
}
