// What this worker may believe about itself: how long ago the broker last took its heartbeat.
import type { Clock } from "../shared/io/clock.ts";
import { PRESENCE } from "../shared/messages.ts";

export type Standing = {
  /** A heartbeat that was sent at this instant (monotonic) has been stored. */
  confirm(sentAt: number): void;
  /** Monotonic instant at which the last stored heartbeat was sent; undefined before the first. */
  readonly confirmedAt: number | undefined;
  /** True after a silence in which the leader may have given this worker up: what was assigned before may be void by now. */
  isDoubtful(): boolean;
};

export function createStanding(clock: Clock): Standing {
  let confirmedAt: number | undefined;
  let doubtfulUntil = -Infinity;

  return {
    confirm(sentAt) {
      if (confirmedAt !== undefined && sentAt - confirmedAt > PRESENCE.lostAfterMs)
        doubtfulUntil = clock.mono() + PRESENCE.lostAfterMs;
      confirmedAt = sentAt;
    },
    get confirmedAt() {
      return confirmedAt;
    },
    isDoubtful() {
      const now = clock.mono();
      if (confirmedAt === undefined) return false;
      return now < doubtfulUntil || now - confirmedAt > PRESENCE.lostAfterMs;
    },
  };
}
