// Where schedules, their states and calendars are kept: in memory as every scheduler follows them, and in the broker.
import { decodeCalendar, type Calendar } from "../../shared/calendar.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore, type ConfigStore } from "../../shared/io/config-store.ts";
import {
  decodeSchedule,
  decodeSchedulesPause,
  decodeScheduleState,
  type Schedule,
  type SchedulesPause,
  type ScheduleState,
} from "../../shared/schedule-state.ts";
import type { ConfigBook, Shelf } from "../config-book.ts";

/** Up to date but for a moment's delay. */
export type ScheduleShelves = {
  schedules: Shelf<Schedule>;
  states: Shelf<ScheduleState>;
  calendars: Shelf<Calendar>;
  /** One entry, `EVERY`. */
  pauses: Shelf<SchedulesPause>;
};

export type ScheduleStores = {
  schedules: ConfigStore<Schedule>;
  states: ConfigStore<ScheduleState>;
  calendars: ConfigStore<Calendar>;
  pauses: ConfigStore<SchedulesPause>;
};

/** Name of the entry that pauses every schedule, of a namespace where it is scoped. */
export const EVERY = "every";

const KIND = {
  schedules: "schedule",
  states: "schedule-state",
  calendars: "calendar",
  pauses: "schedules-pause",
} as const;

export const createScheduleShelves = (book: ConfigBook): ScheduleShelves => ({
  schedules: book.shelf(KIND.schedules, decodeSchedule),
  states: book.shelf(KIND.states, decodeScheduleState),
  calendars: book.shelf(KIND.calendars, decodeCalendar),
  pauses: book.shelf(KIND.pauses, decodeSchedulesPause),
});

export const createScheduleStores = (
  broker: Pick<Broker, "last" | "publish" | "subjects">,
): ScheduleStores => ({
  schedules: createConfigStore(broker, KIND.schedules, decodeSchedule),
  states: createConfigStore(broker, KIND.states, decodeScheduleState),
  calendars: createConfigStore(broker, KIND.calendars, decodeCalendar),
  pauses: createConfigStore(broker, KIND.pauses, decodeSchedulesPause),
});
