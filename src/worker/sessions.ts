// What the jobs of a reservation share on its worker: a directory, and for handlers an object.
import { join } from "node:path";

import { deferred } from "../shared/io/lifecycle.ts";
import type { Session } from "../shared/handler.ts";
import { makeWorkDir, removeWorkDir } from "./command/work-dir.ts";
import type { User } from "./launcher/protocol.ts";
import type { RunRequest } from "./run-request.ts";
import type { RunEnd } from "./verdict.ts";

export type Sessions = {
  /** Keeps the session of a reservation until its attempt is stopped. */
  hold(request: RunRequest): Promise<RunEnd>;
  /** The reservation's session; undefined when it is not here. One that is just being made is waited for. */
  find(reservation: string): Promise<Session | undefined>;
};

/** Somebody who waits for a session that is not made yet. */
type Finder = { reservation: string; resolve(session: Session): void };

/** An assignment in a reservation may be carried out a moment before the reservation's own. */
const LATE_MS = 5_000;

export function createSessions(deps: {
  workRoot: string;
  user?: User | undefined;
  now(): number;
}): Sessions {
  const { workRoot, user, now } = deps;
  const held = new Map<string, Session>();
  const finders = new Set<Finder>();

  function keep(reservation: string, session: Session): void {
    held.set(reservation, session);
    for (const finder of finders) if (finder.reservation === reservation) finder.resolve(session);
  }

  return {
    async hold({ record, attempt, stop, onStarted }) {
      const dir = join(workRoot, `${record.id}.${attempt}`);
      try {
        const made = await makeWorkDir(dir, {}, user).catch((error: Error) => error);
        if (made instanceof Error) return notMade(made);
        keep(record.id, { dir, state: new Map() });
        onStarted(now());
        const over = deferred<void>();
        using _stopped = stop.onRaised(() => over.resolve());
        await over.promise;
        return { kind: "ended", ending: { outcome: "cancelled" } };
      } finally {
        held.delete(record.id);
        await removeWorkDir(dir);
      }
    },
    async find(reservation) {
      const here = held.get(reservation);
      if (here !== undefined) return here;
      const { promise, resolve } = deferred<Session | undefined>();
      const finder = { reservation, resolve };
      const late = setTimeout(resolve, LATE_MS, undefined);
      finders.add(finder);
      try {
        return await promise;
      } finally {
        clearTimeout(late);
        finders.delete(finder);
      }
    },
  };
}

const notMade = ({ message }: Error): RunEnd => ({
  kind: "ended",
  ending: {
    outcome: "spawn_failed",
    reason: `the session's directory cannot be made: ${message}`,
  },
});
