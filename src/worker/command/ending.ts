// From how the program ended, and whether Millrace ended it, to the outcome of the attempt.
import { MillraceError } from "../../shared/errors.ts";
import type { Ending } from "../../shared/job.ts";
import type { LaunchExit } from "../launcher/launcher.ts";

/** Why Millrace stops a program. */
export type StopReason = "timed_out" | "cancelled";

/**
 * A stop counts only when it came before the program had ended by itself.
 * `isLimited`: the job asked for limits of its own, so that it may have exhausted nothing but those.
 * Throws `internal` when the launcher died: that says nothing about the job, hand the attempt back.
 */
export function endingOf(
  exit: LaunchExit,
  reason: StopReason | undefined,
  isLimited = false,
): Ending {
  if (exit.kind === "lost")
    throw new MillraceError(
      "internal",
      `The command was killed: ${exit.reason}. Hand the attempt back.`,
    );
  if (exit.kind === "spawn_failed") {
    const failed = { outcome: "spawn_failed", reason: exit.reason } as const;
    return EXHAUSTED.has(exit.code) && !isLimited ? { ...failed, workersFault: true } : failed;
  }
  const usage = exit.usage === undefined ? {} : { usage: exit.usage };
  const how = exit.kind === "exited" ? { exitCode: exit.code } : { signal: exit.signal };
  if (exit.stopped && reason !== undefined) return { outcome: reason, ...how, ...usage };
  return { outcome: exit.kind, ...how, ...usage };
}

/** The host has no more processes, memory or open files to give. */
const EXHAUSTED: ReadonlySet<string> = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);
