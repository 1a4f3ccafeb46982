// One schedule under the leader's care: what is due is decided, written down by compare-and-set, and only then carried out.
//
// A decision that was written down is carried out again by the next leader if this one dies on the way. That is harmless:
// a run has its id from the instant, and what was told already is found in the log of happenings.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { Log } from "../../shared/io/log.ts";
import { decide, LATE_MS, lookAgainAt, type Moment } from "../../shared/schedule-decide.ts";
import { withHarvest } from "../../shared/schedule-generator.ts";
import { misfireOf, overlapOf, type ScheduleSpec } from "../../shared/schedule.ts";
import {
  freshState,
  type Decided,
  type Schedule,
  type ScheduleState,
} from "../../shared/schedule-state.ts";
import { NO_ROOM } from "../admission.ts";
import type { HarvestRun } from "./generator.ts";
import type { Runs } from "./runs.ts";
import type { ScheduleShelves, ScheduleStores } from "./shelves.ts";
import { happeningOf, keyOf, toldSince } from "./tellings.ts";
import { offOf, type Timings } from "./timings.ts";

export type LineDeps = {
  shelves: ScheduleShelves;
  stores: Pick<ScheduleStores, "states">;
  runs: Runs;
  harvest: HarvestRun;
  happenings: Happenings;
  timings: Timings;
  clock: Clock;
  log: Log;
};

export type Line = {
  /** Does what is due; resolves to when to look again by itself, undefined when only a change can bring something up. */
  attend(signal: AbortSignal): Promise<number | undefined>;
  /** Runs whose end may bring something up. */
  awaited(): readonly string[];
};

type Known = {
  state: ScheduleState;
  revision: number;
  /** Decided by this leader: nothing of it can have been told before. */
  own: boolean;
};

/** What comes after a step: another at once, one when there may be room, or nothing until something changes. */
type Next = "step" | "room" | "change";

/** Rounds without a rest; what is left then is looked at again at once. */
const ROUNDS = 10;
/** What found no room is tried again after this long. */
const ROOM_MS = 1_000;
/** What may become of a fire. */
const OUTCOMES = ["fired", "failed", "skipped"] as const;

export function createLine(name: string, deps: LineDeps): Line {
  const { shelves, stores, runs, harvest, happenings, timings, clock, log } = deps;
  let known: Known | undefined;
  let carriedOut = -1;
  let toldAfter = 0;

  /** The newest state of this schedule that is known. */
  function stateOf({ value }: Revised<Schedule>): Known {
    const shelved = shelves.states.get(name);
    if (shelved !== undefined && shelved.revision > (known?.revision ?? -1))
      known = { state: shelved.value, revision: shelved.revision, own: false };
    known ??= { state: freshState(value), revision: 0, own: false };
    if (known.state.of !== value.createdAt) known = { ...known, state: freshState(value) };
    return known;
  }

  /** False when somebody else wrote meanwhile: then everything is to be looked at anew. */
  async function write(before: Known, state: ScheduleState): Promise<boolean> {
    const next = { ...state, toldAfter: Math.max(toldAfter, state.toldAfter) };
    try {
      const revision = await stores.states.put(name, next, before.revision);
      known = { state: next, revision, own: true };
      return true;
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
      const stored = await stores.states.read(name);
      known =
        stored === undefined
          ? { state: next, revision: 0, own: false }
          : { state: stored.value, revision: stored.revision, own: false };
      return false;
    }
  }

  /** Starts and tells what was decided; false when some of it has to wait for room. */
  async function carryOut(entry: Revised<Schedule>, current: Known): Promise<boolean> {
    if (carriedOut === current.revision) return true;
    const { decided, of } = current.state;
    const before =
      current.own || decided.length === 0
        ? undefined
        : await toldSince(happenings, name, current.state.toldAfter);
    const isTold = (one: Decided): boolean =>
      before?.has(keyOf(happeningOf(name, of, one))) ?? false;
    const unstarted: Decided[] = [];
    for (const one of decided) {
      const isFire = one.what === "fired";
      if (isFire ? OUTCOMES.some((what) => isTold({ ...one, what })) : isTold(one)) continue;
      const outcome = isFire ? await begin(entry, one) : one;
      if (outcome === undefined) {
        // some of it may have been told by now
        current.own = false;
        return false;
      }
      if (isFire && outcome.what !== "fired") unstarted.push(outcome);
      await tell(of, outcome);
    }
    carriedOut = current.revision;
    if (unstarted.length > 0) await noteUnstarted(current, unstarted);
    return true;
  }

  async function tell(of: number, one: Decided): Promise<void> {
    const happening = happeningOf(name, of, one);
    toldAfter = await happenings.tell(happening, `schedule ${keyOf(happening)}`);
    const { what, at, run, reason } = one;
    log.info({ event: `schedule_${what}`, schedule: name, at, run, reason }, what);
  }

  /** What came of a fire: itself, its skip or failure when it asks for what is there or cannot be had, or nothing as long as it waits for room. */
  async function begin({ value }: Revised<Schedule>, fired: Decided): Promise<Decided | undefined> {
    const { at, decidedAt, run = "" } = fired;
    try {
      const other = await runs.start({ id: run, name, schedule: value, at });
      if (other === undefined) return fired;
      const reason = `Job ${other} stands for its unique key.`;
      return { what: "skipped", at, decidedAt, reason, count: 1 };
    } catch (error) {
      if (!(error instanceof MillraceError) || error.status >= 500) throw error;
      const mayWait = clock.now() < decidedAt + patienceMs(value.spec);
      if (mayWait && hasCode(error, ...NO_ROOM)) return undefined;
      return { what: "failed", at, decidedAt, reason: error.message };
    }
  }

  async function noteUnstarted(
    { state, revision }: Known,
    unstarted: readonly Decided[],
  ): Promise<void> {
    const failed = unstarted.filter(({ what }) => what === "failed");
    const lastFailed = failed.at(-1);
    const lastSkipped = unstarted.findLast(({ what }) => what === "skipped");
    const lost = new Set(unstarted.map(({ at }) => at));
    const gone = new Set(
      state.decided.flatMap(({ at, run }) => (run !== undefined && lost.has(at) ? [run] : [])),
    );
    const { counts, generator } = state;
    const next: ScheduleState = {
      ...state,
      active: state.active.filter((id) => !gone.has(id)),
      counts: {
        fired: counts.fired - unstarted.length,
        skipped: counts.skipped + unstarted.length - failed.length,
        failed: counts.failed + failed.length,
      },
      ...(lastFailed && {
        lastError: { at: lastFailed.decidedAt, message: lastFailed.reason ?? "" },
      }),
      ...(lastSkipped && {
        lastSkip: { at: lastSkipped.at, reason: lastSkipped.reason ?? "" },
      }),
      decided: [],
      ...(generator === undefined
        ? {}
        : { generator: { ...generator, open: generator.open.filter((id) => !gone.has(id)) } }),
    };
    if (await write({ state, revision, own: true }, next)) carriedOut = known?.revision ?? -1;
  }

  /** Takes the result of one generator's run that is over. */
  async function takeResults(current: Known): Promise<Next> {
    let next: Next = "change";
    for (const run of current.state.generator?.open ?? []) {
      try {
        const result = await harvest(run);
        if (result === undefined) continue;
        await write(current, withHarvest(current.state, result, clock.now()));
        return "step";
      } catch (error) {
        if (!hasCode(error, ...NO_ROOM)) throw error;
        next = "room";
      }
    }
    return next;
  }

  async function stillActive(schedule: Schedule, { active }: ScheduleState): Promise<string[]> {
    if (overlapOf(schedule.spec) === "allow") return [];
    const found = await Promise.all(
      active.map(async (id) => ((await runs.isActive(id)) ? [id] : [])),
    );
    return found.flat();
  }

  function momentOf(entry: Revised<Schedule>, state: ScheduleState): Omit<Moment, "active"> {
    return {
      schedule: entry.value,
      state,
      timing: timings(entry),
      now: clock.now(),
      off: offOf(entry, shelves),
      runOf: (at) => runs.idOf(name, entry.value, at),
    };
  }

  async function step(entry: Revised<Schedule>): Promise<Next> {
    const current = stateOf(entry);
    if (!(await carryOut(entry, current))) return "room";
    if (known?.revision !== current.revision) return "step";
    const next = await takeResults(current);
    const moment = momentOf(entry, current.state);
    if (next === "step" || !mayDecide(moment)) return next;
    const active = await stillActive(entry.value, current.state);
    const decision = decide({ ...moment, active });
    if (decision.state !== undefined) {
      await write(current, decision.state);
      return "step";
    }
    const { waiting } = current.state;
    if (overlapOf(entry.value.spec) === "replace" && waiting.length > 0)
      await Promise.all(active.map((id) => runs.cancel(id, name)));
    return next;
  }

  return {
    async attend(signal) {
      for (let round = 0; !signal.aborted; round += 1) {
        const entry = shelves.schedules.get(name);
        if (entry === undefined) return undefined;
        const next = await step(entry);
        if (next === "room") return clock.now() + ROOM_MS;
        if (next === "change") return lookAgainAt(momentOf(entry, stateOf(entry).state));
        if (round >= ROUNDS) return clock.now();
      }
      return undefined;
    },
    awaited() {
      const { active = [], waiting = [], backlog = [], generator } = known?.state ?? {};
      const held = waiting.length + backlog.length > 0 ? active : [];
      return [...held, ...(generator?.open ?? [])];
    },
  };
}

/** How long an instant waits for room before it has failed: as long as a missed one would be made good. */
function patienceMs(spec: ScheduleSpec): number {
  const { policy, windowMs } = misfireOf(spec);
  return policy === "skip" ? LATE_MS : windowMs;
}

/** False when a decision would change nothing, so that nobody need ask what still runs. */
function mayDecide({ state, schedule, timing, now }: Omit<Moment, "active">): boolean {
  if (state.waiting.length + state.backlog.length > 0) return true;
  const next = timing.next(Math.max(state.cursor, schedule.since));
  return next !== undefined && timing.dueAt(next.at) <= now;
}
