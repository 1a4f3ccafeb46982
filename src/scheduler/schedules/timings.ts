// The timing of each schedule, made anew only when the schedule or its calendar changes.
import type { Revised } from "../../shared/io/config-store.ts";
import type { Off } from "../../shared/schedule-decide.ts";
import type { Schedule } from "../../shared/schedule-state.ts";
import { besideName } from "../../shared/scoped-name.ts";
import { createTiming, type Timing } from "../../shared/schedule-timing.ts";
import { EVERY, type ScheduleShelves } from "./shelves.ts";

export type Timings = (entry: Revised<Schedule>) => Timing;

export function createTimings({ calendars }: Pick<ScheduleShelves, "calendars">): Timings {
  const known = new Map<string, { revisions: string; timing: Timing }>();
  return ({ name, value, revision }) => {
    const calendar =
      value.spec.calendar === undefined
        ? undefined
        : calendars.get(besideName(name, value.spec.calendar));
    const revisions = `${revision} ${calendar?.revision ?? 0}`;
    const before = known.get(name);
    if (before?.revisions === revisions) return before.timing;
    const timing = createTiming(name, value.spec, value.createdAt, calendar?.value);
    known.set(name, { revisions, timing });
    return timing;
  };
}

/** The stretches in which a schedule does not fire: its own, its namespace's, everybody's. */
export function offOf(
  { name, value: schedule }: Pick<Revised<Schedule>, "name" | "value">,
  { pauses }: Pick<ScheduleShelves, "pauses">,
): Off[] {
  const every = [...new Set([besideName(name, EVERY), EVERY])].flatMap(
    (one) => pauses.get(one)?.value.pause ?? [],
  );
  return [
    ...(schedule.pause === undefined
      ? []
      : [{ pause: schedule.pause, reason: `${schedule.pause.actor} paused the schedule.` }]),
    ...every.map((pause) => ({ pause, reason: `${pause.actor} paused all schedules.` })),
  ];
}
