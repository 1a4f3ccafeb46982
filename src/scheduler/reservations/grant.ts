// Waits for a reservation to get its worker, by two clocks: one for "all that match are busy", one for "nothing could ever match".
import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import { isFinal } from "../../shared/job.ts";
import type { Board, Reason } from "../core/board.ts";

export type GrantDeps = {
  view: Pick<Board, "get" | "why" | "watch">;
  clock: Clock;
  /** Calls back after each fact that this replica learns, until disposed. */
  onFact(listener: () => void): Disposable;
};

export type Waits = { busyMs: number; noMatchMs: number };

type Obstacle = "busy" | "noMatch" | "none";

const HOPELESS = new Set<Reason["code"]>([
  "no_workers",
  "worker_not_present",
  "no_match",
  "too_few_slots",
  "no_such_handler",
]);
/** The leader places what nothing is in the way of within this time, or there is no leader. */
const LEADER_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** What is in the way. Pure. */
export function obstacleOf(reasons: readonly Reason[] | undefined): Obstacle {
  if (reasons === undefined || reasons.some(({ code }) => code === "next" || code === "assigned"))
    return "none";
  return reasons.some(({ code }) => HOPELESS.has(code)) ? "noMatch" : "busy";
}

/** Resolves when the job has its worker. Throws `workers_busy`, `reservation_unmatched`, or what the signal says. */
export async function awaitGrant(
  { view, clock, onFact }: GrantDeps,
  id: string,
  waits: Waits,
  signal: AbortSignal,
): Promise<void> {
  const granted = deferred<void>();
  const limits: Record<Obstacle, number> = {
    busy: waits.busyMs,
    noMatch: waits.noMatchMs,
    none: LEADER_MS,
  };
  let obstacle: Obstacle | undefined;
  let limit: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;

  /** Starts the clock of what is in the way now, unless it runs already. */
  function assess(): void {
    const now = obstacleOf(view.why(id, clock.now(), clock.mono())?.reasons);
    if (now === obstacle) return;
    obstacle = now;
    clearTimeout(limit);
    limit = setTimeout(() => granted.reject(refusalOf(now)), limits[now]);
  }

  function look(): void {
    looking = undefined;
    const job = view.get(id);
    if (job !== undefined && isFinal(job.state)) granted.reject(refusalOf(obstacle ?? "none"));
    else if (job?.worker !== undefined) granted.resolve();
    else assess();
  }

  const giveUp = () => granted.reject(signal.reason);
  using _job = view.watch(id, look);
  // many facts are one reason to look
  using _facts = onFact(() => (looking ??= setTimeout(look, LOOK_AGAIN_MS)));
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  try {
    look();
    await granted.promise;
  } finally {
    clearTimeout(limit);
    clearTimeout(looking);
    signal.removeEventListener("abort", giveUp);
  }
}

function refusalOf(obstacle: Obstacle): MillraceError {
  switch (obstacle) {
    case "noMatch":
      return new MillraceError("reservation_unmatched", "No worker could ever hold it.");
    case "busy":
      return new MillraceError("workers_busy", "Every worker that matches is busy.");
    case "none":
      return new MillraceError("workers_busy", "Nobody placed it in time.");
  }
}
