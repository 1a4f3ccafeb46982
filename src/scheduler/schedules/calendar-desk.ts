// What callers may do with calendars.
import type { Calendar } from "../../shared/calendar.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { namespaceOf, plainName } from "../../shared/scoped-name.ts";
import { insist, requireExpected, type Expected } from "../expected.ts";
import type { ScheduleShelves, ScheduleStores } from "./shelves.ts";

const KIND = "calendar";

export type CalendarDesk = ReturnType<typeof createCalendarDesk>;

export function createCalendarDesk(deps: {
  stores: Pick<ScheduleStores, "calendars">;
  shelves: Pick<ScheduleShelves, "calendars" | "schedules">;
  happenings: Pick<Happenings, "tell">;
  clock: Clock;
  /** Resolves when the shelves know what the broker holds now. */
  caughtUp(): Promise<void>;
}) {
  const { stores, shelves, happenings, clock, caughtUp } = deps;

  async function find(name: string): Promise<Revised<Calendar>> {
    const entry = await stores.calendars.read(name);
    if (entry !== undefined) return entry;
    throw new MillraceError("calendar_not_found", `There is no calendar ${plainName(name)}.`);
  }

  const tell = (name: string, what: string, actor: string): Promise<number> =>
    happenings.tell({ v: 1, at: clock.now(), kind: KIND, name, what, actor });

  return {
    list: () => shelves.calendars.entries(),
    get: find,
    async put(name: string, calendar: Calendar, expected: Expected, actor: string) {
      return insist(async () => {
        const before = await stores.calendars.read(name);
        requireExpected(`calendar ${plainName(name)}`, before, expected);
        const revision = await stores.calendars.put(name, calendar, before?.revision ?? 0);
        await tell(name, before === undefined ? "created" : "changed", actor);
        return { revision, created: before === undefined };
      });
    },
    /** Throws `calendar_in_use`, `calendar_not_found`, `precondition_failed`. */
    async remove(name: string, expected: Expected, actor: string): Promise<void> {
      await caughtUp();
      const user = shelves.schedules
        .entries()
        .find(
          (one) =>
            one.value.spec.calendar === plainName(name) &&
            namespaceOf(one.name) === namespaceOf(name),
        );
      if (user !== undefined)
        throw new MillraceError(
          "calendar_in_use",
          `The schedule ${plainName(user.name)} uses the calendar ${plainName(name)}; change it first.`,
        );
      await insist(async () => {
        const entry = await find(name);
        requireExpected(`calendar ${plainName(name)}`, entry, expected);
        await stores.calendars.remove(name, entry.revision);
        await tell(name, "deleted", actor);
      });
    },
  };
}
