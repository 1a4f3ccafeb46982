// One schedule under the leader's care: what is due is decided, written down by compare-and-set, and only then carried out.
//
// A decision that was written down is carried out again by the next leader if this one dies on the way. That is harmless:
// a run has its id from the instant, and what was told already is found in the log of happenings.
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { Log } from "../../shared/io/log.ts";
import { decide, lookAgainAt, type Moment } from "../../shared/schedule-decide.ts";
import { withHarvest } from "../../shared/schedule-generator.ts";
import { overlapOf } from "../../shared/schedule.ts";
import {
  freshState,
  type Decided,
  type Schedule,
  type ScheduleState,
} from "../../shared/schedule-state.ts";
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

/** Rounds without a rest; what is left then is looked at again at once. */
const ROUNDS = 10;

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

  /** Starts and tells what was decided. */
  async function carryOut(entry: Revised<Schedule>, current: Known): Promise<void> {
    if (carriedOut === current.revision) return;
    const { decided, of } = current.state;
    const before =
      current.own || decided.length === 0
        ? undefined
        : await toldSince(happenings, name, current.state.toldAfter);
    const failed: Decided[] = [];
    for (const one of decided) {
      if (before?.has(keyOf(happeningOf(name, of, one)))) continue;
      const outcome = one.what === "fired" ? await begin(entry, one) : one;
      if (before?.has(keyOf(happeningOf(name, of, outcome)))) continue;
      if (outcome.what === "failed") failed.push(outcome);
      await tell(of, outcome);
    }
    carriedOut = current.revision;
    const last = failed.at(-1);
    if (last !== undefined) await noteFailures(current, failed, last);
  }

  async function tell(of: number, one: Decided): Promise<void> {
    const happening = happeningOf(name, of, one);
    toldAfter = await happenings.tell(happening, `schedule ${keyOf(happening)}`);
    const { what, at, run, reason } = one;
    log.info({ event: `schedule_${what}`, schedule: name, at, run, reason }, what);
  }

  /** What came of a fire: itself, or its failure when it asks for something that cannot be had. */
  async function begin({ value }: Revised<Schedule>, fired: Decided): Promise<Decided> {
    const { at, decidedAt, run = "" } = fired;
    try {
      await runs.start({ id: run, name, schedule: value, at });
      return fired;
    } catch (error) {
      if (!(error instanceof MillraceError) || error.status >= 500) throw error;
      return { what: "failed", at, decidedAt, reason: error.message };
    }
  }

  async function noteFailures(
    { state, revision }: Known,
    failed: readonly Decided[],
    last: Decided,
  ): Promise<void> {
    const lost = new Set(failed.map(({ at }) => at));
    const gone = new Set(
      state.decided.flatMap(({ at, run }) => (run !== undefined && lost.has(at) ? [run] : [])),
    );
    const { counts, generator } = state;
    const next: ScheduleState = {
      ...state,
      active: state.active.filter((id) => !gone.has(id)),
      counts: { ...counts, failed: counts.failed + failed.length },
      lastError: { at: last.decidedAt, message: last.reason ?? "" },
      decided: [],
      ...(generator === undefined
        ? {}
        : { generator: { ...generator, open: generator.open.filter((id) => !gone.has(id)) } }),
    };
    if (await write({ state, revision, own: true }, next)) carriedOut = known?.revision ?? -1;
  }

  /** Takes the result of one generator's run that is over; true when there may be more to do. */
  async function takeResults(current: Known): Promise<boolean> {
    for (const run of current.state.generator?.open ?? []) {
      const result = await harvest(run);
      if (result === undefined) continue;
      await write(current, withHarvest(current.state, result, clock.now()));
      return true;
    }
    return false;
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
      off: offOf(entry.value, shelves),
      runOf: (at) => runs.idOf(name, entry.value, at),
    };
  }

  /** True when there may be more to do at once. */
  async function step(entry: Revised<Schedule>): Promise<boolean> {
    const current = stateOf(entry);
    await carryOut(entry, current);
    if (known?.revision !== current.revision || (await takeResults(current))) return true;
    const moment = momentOf(entry, current.state);
    if (!mayDecide(moment)) return false;
    const active = await stillActive(entry.value, current.state);
    const decision = decide({ ...moment, active });
    if (decision.state !== undefined) {
      await write(current, decision.state);
      return true;
    }
    const { waiting } = current.state;
    if (overlapOf(entry.value.spec) === "replace" && waiting.length > 0)
      await Promise.all(active.map((id) => runs.cancel(id, name)));
    return false;
  }

  return {
    async attend(signal) {
      for (let round = 0; !signal.aborted; round += 1) {
        const entry = shelves.schedules.get(name);
        if (entry === undefined) return undefined;
        const more = await step(entry);
        if (!more) return lookAgainAt(momentOf(entry, stateOf(entry).state));
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

/** False when a decision would change nothing, so that nobody need ask what still runs. */
function mayDecide({ state, schedule, timing, now }: Omit<Moment, "active">): boolean {
  if (state.waiting.length + state.backlog.length > 0) return true;
  const next = timing.next(Math.max(state.cursor, schedule.since));
  return next !== undefined && timing.dueAt(next.at) <= now;
}
