// Plays a schedule through virtual time: looks when it says that it wants to be looked at, and remembers what it decided.
import type { Calendar } from "../../../src/shared/calendar.ts";
import { decide, lookAgainAt, type Off } from "../../../src/shared/schedule-decide.ts";
import { scheduleSpecSchema } from "../../../src/shared/schedule.ts";
import {
  freshState,
  type Decided,
  type Schedule,
  type ScheduleState,
} from "../../../src/shared/schedule-state.ts";
import { createTiming } from "../../../src/shared/schedule-timing.ts";

export const at = (text: string): number => Date.parse(text);
export const iso = (instant: number): string => new Date(instant).toISOString();

export type Play = {
  spec: object;
  from: string;
  to: string;
  calendar?: Calendar;
  off?: Off[];
  /** Nobody looks in these stretches. */
  outages?: [string, string][];
  /** How long a run takes. */
  runMs?: number;
};

export type Played = {
  fired: number[];
  late: number[];
  skipped: Decided[];
  /** When each fire was decided. */
  startedAt: Map<number, number>;
  looks: number;
  state: ScheduleState;
};

export const parseSchedule = (spec: object, createdAt: number): Schedule => ({
  v: 1,
  spec: scheduleSpecSchema.parse({ spec: { command: ["true"] }, ...spec }),
  createdAt,
  updatedAt: createdAt,
  since: createdAt,
});

const MAX_LOOKS = 2_000_000;

export function play({
  spec,
  from,
  to,
  calendar,
  off = [],
  outages = [],
  runMs = 0,
}: Play): Played {
  const schedule = parseSchedule(spec, at(from));
  const timing = createTiming("played", schedule.spec, schedule.createdAt, calendar);
  const away = outages.map(([begin, end]) => [at(begin), at(end)] as const);
  const ends = new Map<string, number>();
  const played: Played = {
    fired: [],
    late: [],
    skipped: [],
    startedAt: new Map(),
    looks: 0,
    state: freshState(schedule),
  };

  /** Decides until nothing is left for this moment. */
  function look(now: number): void {
    for (let again = true; again;) {
      const active = played.state.active.filter((id) => (ends.get(id) ?? 0) > now);
      const decision = decide({
        schedule,
        state: played.state,
        timing,
        now,
        off,
        active,
        runOf: String,
      });
      again = decision.again;
      if (decision.state === undefined) return;
      played.state = decision.state;
      note(decision.state.decided, now);
    }
  }

  function note(decided: readonly Decided[], now: number): void {
    for (const one of decided)
      if (one.what === "fired") {
        played.fired.push(one.at);
        if (one.late) played.late.push(one.at);
        played.startedAt.set(one.at, now);
        ends.set(String(one.at), now + runMs);
      } else played.skipped.push(one);
  }

  function nextLook(now: number): number {
    const own = lookAgainAt({ schedule, state: played.state, timing, now, off }) ?? Infinity;
    for (const [id, end] of ends) if (end <= now) ends.delete(id);
    const waits = played.state.waiting.length + played.state.backlog.length > 0;
    const wanted = Math.max(now, Math.min(own, waits ? Math.min(...ends.values()) : Infinity));
    return away.find(([begin, back]) => wanted >= begin && wanted < back)?.[1] ?? wanted;
  }

  for (let now = nextLook(at(from)); now <= at(to); now = nextLook(now)) {
    if ((played.looks += 1) > MAX_LOOKS) throw new Error("It wants to be looked at for ever.");
    look(now);
  }
  return played;
}
