// Takes workers out of service that keep failing for reasons of their own, and lets them in again: the index judges, the leader writes.
import { hasCode, MillraceError } from "../shared/errors.ts";
import { createConfigStore } from "../shared/io/config-store.ts";
import type { Broker } from "../shared/io/broker.ts";
import { createHappenings } from "../shared/io/happenings.ts";
import type { Log } from "../shared/io/log.ts";
import { isWorkerId, workerName } from "../shared/names.ts";
import { decodeQuarantine, quarantined } from "../shared/quarantine.ts";
import { createBell } from "./bell.ts";
import type { ConfigBook } from "./config-book.ts";
import type { Board, Verdict } from "./core/board.ts";
import type { Duty } from "./duties.ts";

export type Quarantine = {
  duty: Duty;
  /** Lets the workers of a name, which may be told by the id of one, in again. Throws `worker_not_found` when they are not out. */
  release(worker: string, actor: string): Promise<void>;
};

const KIND = "quarantine";

/** To be called before the book's feed runs. */
export function openQuarantine(deps: {
  broker: Broker;
  book: ConfigBook;
  board: Pick<Board, "quarantineChanged" | "verdicts" | "onQuarantine">;
  log: Log;
}): Quarantine {
  const { broker, book, board, log } = deps;
  const { clock } = broker;
  const store = createConfigStore(broker, KIND, decodeQuarantine);
  const shelf = book.shelf(KIND, decodeQuarantine);
  const { tell } = createHappenings(broker);
  /** Names that were written to since their entry changed last. */
  const written = new Set<string>();
  shelf.watch((name, entry) => {
    written.delete(name);
    board.quarantineChanged(name, entry?.value);
  });

  async function takeOut(name: string, { reason, after }: Extract<Verdict, { how: "out" }>) {
    const before = shelf.get(name);
    const at = clock.now();
    const value = quarantined(before?.value, { reason, after, at });
    await store.put(name, value, before?.revision ?? 0);
    log.warn({ event: "quarantined", worker: name, reason }, "a worker is taken out of service");
    if (before === undefined)
      await tell({ v: 1, at, kind: "worker", name, what: "quarantined", reason });
  }

  async function letIn(name: string, actor?: string): Promise<boolean> {
    const entry = await store.read(name);
    if (entry === undefined) return false;
    await store.remove(name, entry.revision);
    log.info({ event: "released", worker: name, actor }, "a worker is back in service");
    const by = actor === undefined ? { reason: "A job ran well on it." } : { actor };
    await tell({ v: 1, at: clock.now(), kind: "worker", name, what: "released", ...by });
    return true;
  }

  async function carryOut(verdict: Verdict): Promise<void> {
    const { worker } = verdict;
    if (written.has(worker)) return;
    written.add(worker);
    try {
      await (verdict.how === "out" ? takeOut(worker, verdict) : letIn(worker));
    } catch (error) {
      // somebody else was faster: what they wrote is on its way here
      if (hasCode(error, "lost_race")) return;
      written.delete(worker);
      throw error;
    }
  }

  return {
    duty: {
      name: KIND,
      async run(signal) {
        using bell = createBell(signal);
        using _watch = board.onQuarantine(bell.ring);
        while (!signal.aborted) {
          for (const verdict of board.verdicts()) await carryOut(verdict);
          await bell.wait();
        }
      },
    },
    async release(worker, actor) {
      const name =
        shelf.get(worker) === undefined && isWorkerId(worker) ? workerName(worker) : worker;
      if (await letIn(name, actor)) return;
      throw new MillraceError("worker_not_found", `No worker ${worker} is in quarantine.`);
    },
  };
}
