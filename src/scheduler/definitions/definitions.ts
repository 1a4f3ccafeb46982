// Definitions put together: what is stored, what has run, and how runs are started.
import { decodeDefinition, type StoredDefinition } from "../../shared/definition.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import type { Admission } from "../admission.ts";
import type { ConfigBook, Shelf } from "../config-book.ts";
import type { Board } from "../core/board.ts";
import type { GroupDesk } from "../groups/group-desk.ts";
import { createAccept, requireStorable } from "../submission/submit.ts";
import { createDefinitionDesk, type DefinitionDesk } from "./definition-desk.ts";
import { createPurge, type Purge } from "./purge.ts";
import { createRunIndex, type RunIndex } from "./run-index.ts";
import { createStartRun, type StartRun } from "./start-run.ts";

export type Definitions = {
  desk: DefinitionDesk;
  /** All definitions, as this replica knows them. */
  shelf: Pick<Shelf<StoredDefinition>, "entries" | "get">;
  runs: RunIndex;
  start: StartRun;
  purge: Purge;
};

/** To be called before the replica and the book run. */
export function createDefinitions(deps: {
  broker: Broker;
  book: ConfigBook;
  board: Board;
  store: JobStore;
  groups: GroupDesk;
  admission: Admission;
  tell: Happenings["tell"];
}): Definitions {
  const { broker, book, board, store, groups, admission, tell } = deps;
  const { clock, maxPayload } = broker;
  const runs = createRunIndex();

  board.watch("*", ({ id, record, gone }) => {
    if (gone) runs.gone(id);
    else if (record?.origin?.definition !== undefined)
      runs.jobChanged(record, board.get(id)?.state ?? record.state);
  });
  groups.index.watch((id) => {
    const known = groups.index.get(id);
    if (known === undefined) runs.gone(id);
    else if (known.record.origin?.definition !== undefined) runs.groupChanged(known.record);
  });

  const entries = createConfigStore(broker, "definition", decodeDefinition);
  const desk = createDefinitionDesk({ entries, clock, tell });
  return {
    desk,
    shelf: book.shelf("definition", decodeDefinition),
    runs,
    start: createStartRun({
      read: desk.read,
      runs,
      store,
      groups,
      clock,
      accept: createAccept({ store, clock, admission, view: board }),
      admission,
      requireStorable: (spec) => requireStorable(spec, maxPayload),
    }),
    purge: createPurge({ runs, store, groups }),
  };
}
