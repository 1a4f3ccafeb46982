// Schedules put together: what callers may do with them, and the leader's duty to fire them.
import type { Broker } from "../../shared/io/broker.ts";
import { isOverGroup } from "../../shared/group.ts";
import { createHappenings } from "../../shared/io/happenings.ts";
import type { FileStore } from "../../shared/io/files.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import type { Log } from "../../shared/io/log.ts";
import { isFinal } from "../../shared/job.ts";
import type { Admission } from "../admission.ts";
import type { ConfigBook } from "../config-book.ts";
import type { Definitions } from "../definitions/definitions.ts";
import type { Duty } from "../duties.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import { createAccept } from "../submission/submit.ts";
import type { Replica } from "../replica.ts";
import { createCalendarDesk, type CalendarDesk } from "./calendar-desk.ts";
import { createScheduleDesk, type ScheduleDesk } from "./desk.ts";
import { createScheduleDuty } from "./duty.ts";
import { createHarvest } from "./generator.ts";
import { createRuns } from "./runs.ts";
import { createScheduleShelves, createScheduleStores } from "./shelves.ts";
import { createTimings } from "./timings.ts";

export type Schedules = { desk: ScheduleDesk; calendars: CalendarDesk; duty: Duty };

/** To be made before the book's feed runs. */
export function createSchedules(deps: {
  broker: Broker;
  store: JobStore;
  files: Pick<FileStore, "read">;
  replica: Pick<Replica, "board" | "caughtUp">;
  book: ConfigBook;
  admission: Admission;
  groups: GroupDesk;
  definitions: Pick<Definitions, "start" | "desk">;
  log: Log;
}): Schedules {
  const { broker, store, files, replica, book, admission, groups, definitions, log } = deps;
  const { clock } = broker;
  const { prefix } = broker.subjects;
  const stores = createScheduleStores(broker);
  const shelves = createScheduleShelves(book);
  const timings = createTimings(shelves);
  const happenings = createHappenings(broker);
  const accept = createAccept({ store, clock, admission, view: replica.board });
  const runs = createRuns({
    broker,
    store,
    admission,
    accept,
    startRun: definitions.start,
    groups,
  });
  const harvest = createHarvest({ store, files, runs, prefix });
  return {
    desk: createScheduleDesk({
      stores,
      shelves,
      timings,
      runs,
      happenings,
      clock,
      hasDefinition: async (name) => (await definitions.desk.read(name)) !== undefined,
    }),
    calendars: createCalendarDesk({
      stores,
      shelves,
      happenings,
      clock,
      caughtUp: book.feed.caughtUp,
    }),
    duty: createScheduleDuty({
      stores,
      shelves,
      timings,
      runs,
      harvest,
      happenings,
      clock,
      log,
      async caughtUp() {
        await Promise.all([replica.caughtUp(), book.feed.caughtUp()]);
      },
      onEnd(listener) {
        const jobs = replica.board.watch("*", ({ id, record, gone }) => {
          if (gone || (record !== undefined && isFinal(record.state))) listener(id);
        });
        const others = groups.index.watch((id) => {
          const group = groups.index.get(id);
          if (group === undefined || isOverGroup(group.record.state)) listener(id);
        });
        return {
          [Symbol.dispose]() {
            jobs[Symbol.dispose]();
            others[Symbol.dispose]();
          },
        };
      },
    }),
  };
}
