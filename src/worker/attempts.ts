// All attempts that this worker holds: taken once each, stopped from outside, and known until their end is recorded.
import { durationMs } from "../shared/durations.ts";
import { deferred, type Deferred } from "../shared/io/lifecycle.ts";
import type { Assignment, HeldAttempt } from "../shared/messages.ts";
import { SPEC_DEFAULTS } from "../shared/spec.ts";
import { TurnoverMap } from "../shared/turnover-map.ts";
import { carryOut, type AttemptDeps } from "./attempt.ts";
import { Holding } from "./holding.ts";
import { StopSign } from "./stop-sign.ts";
import type { StopReason } from "./verdict.ts";

export type Attempts = {
  /** Starts the attempt unless it was taken before; says nothing back, the record will. */
  take(assignment: Assignment): void;
  held(): HeldAttempt[];
  readonly count: number;
  /** False when this worker never had such an attempt; one that is over already counts as stopped. */
  stop(job: string, attempt: number, why: StopReason): boolean;
  stopAll(why: StopReason): void;
  /** The longest time that a held attempt may take between TERM and KILL, in milliseconds. */
  longestGraceMs(): number;
  /** The shortest time that a held attempt may run without the broker, in milliseconds; Infinity when none minds. */
  shortestDisconnectMs(): number;
  /** Resolves when nothing is held. */
  idle(): Promise<void>;
};

/** Old attempts that are remembered so that none is started twice. */
const REMEMBERED = 10_000;

export function createAttempts(given: Omit<AttemptDeps, "givenUp">): Attempts {
  const deps: AttemptDeps = { ...given, givenUp: StopSign.of(given.giveUp) };
  const holdings = new TurnoverMap<string, Holding>();
  const taken = createRecent(REMEMBERED);
  let emptied: Deferred<void> | undefined;

  async function carry(key: string, holding: Holding): Promise<void> {
    await carryOut(holding, deps);
    holdings.delete(key);
    if (holdings.size === 0) emptied?.resolve();
  }

  return {
    take(assignment) {
      const key = keyOf(assignment.record.id, assignment.attempt);
      if (taken.has(key)) return;
      taken.add(key);
      const holding = new Holding(assignment, deps.clock.now());
      holdings.set(key, holding);
      void carry(key, holding);
      if (holding.disconnectMs !== undefined) deps.onGuarded();
    },
    held: () => [...holdings.values()].map((holding) => holding.toHeld()),
    get count() {
      return holdings.size;
    },
    stop(job, attempt, why) {
      const key = keyOf(job, attempt);
      holdings.get(key)?.stop(why);
      return taken.has(key);
    },
    stopAll(why) {
      for (const holding of holdings.values()) holding.stop(why);
    },
    longestGraceMs: () => Math.max(0, ...[...holdings.values()].map(graceMs)),
    shortestDisconnectMs: () =>
      Math.min(...[...holdings.values()].map(({ disconnectMs = Infinity }) => disconnectMs)),
    async idle() {
      while (holdings.size > 0) {
        emptied ??= deferred<void>();
        await emptied.promise;
        emptied = undefined;
      }
    },
  };
}

const keyOf = (job: string, attempt: number): string => `${job}.${attempt}`;

function graceMs({ assignment }: Holding): number {
  const { grace } = assignment.record.spec;
  return grace === undefined ? SPEC_DEFAULTS.graceMs : durationMs(grace);
}

type Recent = { has(key: string): boolean; add(key: string): void };

/** Remembers at least so many of the newest keys, and never twice as many. */
function createRecent(count: number): Recent {
  let newer = new Set<string>();
  let older = new Set<string>();
  return {
    has: (key) => newer.has(key) || older.has(key),
    add(key) {
      newer.add(key);
      if (newer.size < count) return;
      older = newer;
      newer = new Set();
    },
  };
}
