// Decides what a schedule does now: which instants fire, which are skipped and why, and when to look again. Pure.
import type { Timing } from "./schedule-timing.ts";
import type { Misfire, Overlap } from "./schedule-policies.ts";
import { misfireOf, overlapOf } from "./schedule.ts";
import type { Decided, Pause, RunId, Schedule, ScheduleState } from "./schedule-state.ts";

/** What is later than this was missed: nobody led, or the machine stood still. */
export const LATE_MS = 30_000;
/** Instants looked at in one go. */
export const AT_ONCE = 100;
/** Instants that may wait for the run before them. */
export const MAX_WAITING = 1_000;
/** What fires nothing is recorded together, this often at most. */
const QUIET_MS = 60_000;

/** A stretch in which nothing fires, and the words for it. */
export type Off = { pause: Pause; reason: string };

export type Moment = {
  schedule: Schedule;
  state: ScheduleState;
  timing: Timing;
  /** Epoch ms. */
  now: number;
  off: readonly Off[];
  /** Those of the state's active runs that are still on. */
  active: readonly RunId[];
  /** The run that an instant stands for: the same for the same instant, always. */
  runOf(at: number): RunId;
};

export type Decision = {
  /** Undefined when there is nothing to write down. */
  state: ScheduleState | undefined;
  /** There may be more to decide at once. */
  again: boolean;
};

/** The same moment makes the same decision, whoever leads. */
export function decide(moment: Moment): Decision {
  const draft = createDraft(moment);
  draft.release();
  const walked = walk(moment, draft);
  const decided = draft.decided();
  if (decided.length === 0 && !draft.changed()) return { state: undefined, again: false };
  return { state: nextState(moment, draft, walked.cursor), again: walked.more || draft.full() };
}

type Draft = ReturnType<typeof createDraft>;

/** Collects what is decided. */
function createDraft({ schedule, state, now, active: known, runOf }: Moment) {
  const overlap = overlapOf(schedule.spec);
  const decided: Decided[] = [];
  const active = [...known];
  let waiting = [...state.waiting];
  const backlog = [...state.backlog];
  let fires = 0;
  let changed = false;

  function fire(at: number, late: boolean): void {
    const run = runOf(at);
    decided.push({ what: "fired", at, decidedAt: now, run, ...(late ? { late } : {}) });
    if (overlap !== "allow") active.push(run);
    fires += 1;
  }

  function skip(at: number, reason: string): void {
    const last = decided.at(-1);
    if (last?.what === "skipped" && last.reason === reason) {
      last.until = at;
      last.count = (last.count ?? 1) + 1;
    } else decided.push({ what: "skipped", at, decidedAt: now, reason, count: 1 });
  }

  const isFree = (): boolean => overlap === "allow" || active.length === 0;

  function enqueue(at: number): void {
    if (waiting.length >= MAX_WAITING)
      return skip(at, `${MAX_WAITING} instants wait already for the run before them.`);
    waiting.push(at);
    changed = true;
  }

  function replaceBy(at: number): void {
    for (const older of waiting) skip(older, "A newer instant replaced it.");
    waiting = [at];
    changed = true;
  }

  const whenBusy: Record<Exclude<Overlap, "allow">, (at: number) => void> = {
    skip: (at) => skip(at, "The run before it is still on."),
    queue: enqueue,
    replace: replaceBy,
  };

  return {
    skip,
    /** What becomes of an instant that is due. */
    take(at: number, late: boolean): void {
      if (overlap === "allow" || (isFree() && waiting.length === 0)) fire(at, late);
      else whenBusy[overlap](at);
    },
    /** Fires what has waited, as far as the overlap rule lets it. */
    release(): void {
      for (const line of [waiting, backlog])
        while (line.length > 0 && isFree() && fires < AT_ONCE) {
          fire(line.shift() as number, false);
          changed = true;
        }
    },
    /** Marks the newest skip as standing for more instants than were counted. */
    skippedMore(until: number): void {
      const last = decided.at(-1);
      if (last?.what === "skipped") Object.assign(last, { until, atLeast: true });
    },
    decided: () => decided,
    changed: () => changed,
    full: () => fires >= AT_ONCE,
    lists: () => ({ active, waiting, backlog }),
  };
}

/** Goes over the instants that are due, oldest first. */
function walk(moment: Moment, draft: Draft): { cursor: number; more: boolean } {
  const { schedule, state, timing, now } = moment;
  let cursor = Math.max(state.cursor, schedule.since);
  for (let looked = 0; looked < AT_ONCE; looked += 1) {
    const next = timing.next(cursor);
    if (next === undefined || timing.dueAt(next.at) > now) return { cursor, more: false };
    cursor = next.at;
    const reason = next.closed ?? gapAt(moment, cursor)?.reason ?? outdone(moment, cursor);
    if (reason === undefined) draft.take(cursor, isLate(moment, cursor));
    else draft.skip(cursor, reason);
  }
  return { cursor: passGap(moment, draft, cursor), more: true };
}

const isLate = ({ timing, now }: Pick<Moment, "timing" | "now">, at: number): boolean =>
  now - timing.dueAt(at) > LATE_MS;

/** Of missed instants only the newest runs, unless all are wanted. */
function outdone(moment: Moment, at: number): string | undefined {
  if (misfireOf(moment.schedule.spec).policy !== "once" || !isLate(moment, at)) return undefined;
  const newer = moment.timing.nextOpen(at);
  return newer !== undefined && isLate(moment, newer)
    ? "It was missed, and a newer missed instant runs instead."
    : undefined;
}

type Gap = { until: number; reason: string };

/** The stretch without fires that an instant lies in. */
function gapAt({ schedule, now, off, timing }: Moment, at: number): Gap | undefined {
  for (const { pause, reason } of off) {
    const until = pause.to ?? Infinity;
    if (at >= pause.from && at < until) return { until: Math.min(until - 1, now), reason };
  }
  const { policy, windowMs } = misfireOf(schedule.spec);
  const lost = now - (policy === "skip" ? LATE_MS : Math.max(windowMs, LATE_MS));
  return timing.dueAt(at) < lost ? { until: lost - 1, reason: missedReason(policy) } : undefined;
}

const missedReason = (policy: Misfire): string =>
  policy === "skip"
    ? "It was missed: no scheduler led when it was due."
    : "It was missed by more than the schedule's window.";

/** Where many instants lie in a stretch without fires, the rest of it is not counted. */
function passGap(moment: Moment, draft: Draft, cursor: number): number {
  const until = gapAt(moment, cursor)?.until ?? cursor;
  if (until <= cursor) return cursor;
  draft.skippedMore(until);
  return until;
}

function nextState(moment: Moment, draft: Draft, cursor: number): ScheduleState {
  const { state, schedule, now } = moment;
  const decided = draft.decided();
  const fired = decided.filter(({ what }) => what === "fired");
  const skipped = decided.filter(({ what }) => what === "skipped");
  const last = fired.at(-1);
  const lastSkip = skipped.at(-1);
  const runs = fired.flatMap(({ run }) => run ?? []);
  return {
    ...state,
    ...draft.lists(),
    cursor: Math.max(state.cursor, cursor),
    decided,
    counts: {
      ...state.counts,
      fired: state.counts.fired + fired.length,
      skipped: state.counts.skipped + skipped.reduce((sum, { count = 1 }) => sum + count, 0),
    },
    ...(last?.run === undefined ? {} : { last: { at: last.at, decidedAt: now, run: last.run } }),
    ...(lastSkip === undefined
      ? {}
      : { lastSkip: { at: lastSkip.until ?? lastSkip.at, reason: lastSkip.reason ?? "" } }),
    ...(schedule.spec.generator === undefined || runs.length === 0
      ? {}
      : { generator: withRuns(state, runs) }),
  };
}

function withRuns({ generator }: ScheduleState, runs: readonly RunId[]) {
  const { open = [], counts = { runs: 0, failed: 0, submitted: 0, known: 0 } } = generator ?? {};
  return { ...generator, open: [...open, ...runs], counts };
}

/** Epoch ms at which to look again; undefined: only when something changes. */
export function lookAgainAt(moment: Omit<Moment, "active" | "runOf">): number | undefined {
  const { schedule, state, timing } = moment;
  const next = timing.next(Math.max(state.cursor, schedule.since));
  if (next === undefined) return undefined;
  const due = timing.dueAt(next.at);
  const isOff = moment.off.some(({ pause }) => pause.to === undefined && next.at >= pause.from);
  if (next.closed === undefined && !isOff) return due;
  const quiet = Math.max(due, state.cursor + QUIET_MS);
  const open = isOff ? undefined : timing.nextOpen(next.at);
  return open === undefined ? quiet : Math.min(quiet, timing.dueAt(open));
}

/** The next instants that are to fire after one, as things stand. */
export function nextFires(timing: Timing, after: number, count: number): number[] {
  const found: number[] = [];
  let at = timing.nextOpen(after);
  while (at !== undefined && found.length < count) {
    found.push(at);
    at = found.length < count ? timing.nextOpen(at) : undefined;
  }
  return found;
}
