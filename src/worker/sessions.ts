// What the jobs of a reservation share on its worker: a directory, and for handlers an object.
import { join } from "node:path";

import { deferred, type Deferred } from "../shared/io/lifecycle.ts";
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

/** An assignment in a reservation may be carried out a moment before the reservation's own. */
const LATE_MS = 5_000;

export function createSessions(deps: {
  workRoot: string;
  user?: User | undefined;
  now(): number;
}): Sessions {
  const { workRoot, user, now } = deps;
  const sessions = new Map<string, Deferred<Session>>();

  function expected(reservation: string): Deferred<Session> {
    const known = sessions.get(reservation) ?? deferred<Session>();
    sessions.set(reservation, known);
    return known;
  }

  return {
    async hold({ record, attempt, stop, onStarted }) {
      const dir = join(workRoot, `${record.id}.${attempt}`);
      try {
        const made = await makeWorkDir(dir, {}, user).catch((error: Error) => error);
        if (made instanceof Error) return notMade(made);
        expected(record.id).resolve({ dir, state: new Map() });
        onStarted(now());
        const over = deferred<void>();
        using _stopped = stop.onRaised(() => over.resolve());
        await over.promise;
        return { kind: "ended", ending: { outcome: "cancelled" } };
      } finally {
        sessions.delete(record.id);
        await removeWorkDir(dir);
      }
    },
    async find(reservation) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), LATE_MS);
      });
      try {
        const { promise } = expected(reservation);
        const session = await Promise.race([promise, late]);
        if (session === undefined) sessions.delete(reservation);
        return session;
      } finally {
        clearTimeout(timer);
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
