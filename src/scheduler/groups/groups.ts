// Groups put together: what is known of them, where they are handed in, and the duty that makes them go on.
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import { createGroupStore } from "../../shared/io/group-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { silentLog, type Log } from "../../shared/io/log.ts";
import type { Admission } from "../admission.ts";
import type { Duty } from "../duties.ts";
import type { Replica } from "../replica.ts";
import { createChildren } from "./children.ts";
import { createExpander } from "./expander.ts";
import { createGroupDesk, type GroupDesk } from "./group-desk.ts";
import { createGroupFeed, type GroupFeed } from "./group-feed.ts";
import { createMonitor } from "./monitor.ts";
import { createTurns, decodeTurn } from "./turns.ts";

export type Groups = { feed: GroupFeed; desk: GroupDesk; expander: Duty };

/** To be called before the replica runs. */
export function createGroups(deps: {
  broker: Broker;
  replica: Pick<Replica, "board" | "caughtUp">;
  store: JobStore;
  admission: Pick<Admission, "complete" | "admit" | "resolve">;
  tell: Happenings["tell"];
  log?: Log;
}): Groups {
  const { broker, replica, store, admission, tell, log = silentLog } = deps;
  const { clock, subjects } = broker;
  const { board } = replica;
  const feed = createGroupFeed({ broker, board, log });
  const { index } = feed;
  const groups = createGroupStore(broker);
  const entries = createConfigStore(broker, "turn", decodeTurn);
  return {
    feed,
    desk: createGroupDesk({ groups, jobs: store, index, broker, resolve: admission.resolve }),
    expander: createExpander({
      index,
      // the jobs last: every job of a group that is known then is known, too
      async caughtUp() {
        await feed.caughtUp();
        await replica.caughtUp();
      },
      groups,
      children: createChildren({
        store,
        clock,
        prefix: subjects.prefix,
        admission,
        view: board,
        isSibling: index.isChild,
      }),
      board,
      turns: createTurns({ index, groups, entries, clock }),
      monitor: createMonitor({ index, clock, tell }),
      clock,
      log,
    }),
  };
}
