// The leader's duty to reservations: ends them when their time is up, and what was to run in them when they are over.
import { hasCode } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { isFinal } from "../../shared/job.ts";
import type { Tenure } from "../../shared/reservation.ts";
import { createBell } from "../bell.ts";
import type { Shelf } from "../config-book.ts";
import type { Board } from "../core/board.ts";
import type { Duty } from "../duties.ts";

export type ReservationDutyDeps = {
  board: Pick<Board, "get" | "watch" | "within">;
  store: Pick<JobStore, "requestCancel">;
  tenures: Pick<ConfigStore<Tenure>, "remove">;
  shelf: Shelf<Tenure>;
  clock: Clock;
};

const ACTOR = "millrace";
const LONGEST_WAIT_MS = 60_000;

export function createReservationDuty(deps: ReservationDutyDeps): Duty {
  const { board, store, tenures, shelf, clock } = deps;

  /** Unless somebody wished so already. */
  async function cancel(job: string, reason: string): Promise<void> {
    if (board.get(job)?.cancelRequested) return;
    await store.requestCancel(job, { v: 1, at: clock.now(), actor: ACTOR, reason });
  }

  const isOver = (reservation: string): boolean => {
    const job = board.get(reservation);
    return job === undefined || isFinal(job.state);
  };

  async function endWithin(reservation: string): Promise<void> {
    for (const job of board.within(reservation)) await cancel(job, "Its reservation is over.");
  }

  async function tend({ name, value, revision }: Revised<Tenure>): Promise<void> {
    const isLate = value.expiresAt <= clock.now();
    const known = board.get(name);
    if (known === undefined ? isLate : isFinal(known.state)) {
      await endWithin(name);
      await tenures.remove(name, revision);
    } else if (isLate) await cancel(name, "Its time was up.");
  }

  return {
    name: "reservations",
    async run(signal) {
      using bell = createBell(signal);
      const late = new Set<string>();
      using _tenures = shelf.watch(bell.ring);
      using _jobs = board.watch("*", ({ record }) => {
        const reservation = record?.spec.reservation;
        if (reservation !== undefined && record?.state === "queued") late.add(reservation);
        if (reservation !== undefined || record?.origin?.holds) bell.ring();
      });
      while (!signal.aborted) {
        for (const entry of shelf.entries()) await tend(entry).catch(unlessRaced);
        for (const reservation of late) if (isOver(reservation)) await endWithin(reservation);
        late.clear();
        const due = Math.min(...shelf.entries().map(({ value }) => value.expiresAt));
        const wait = Math.max(0, Math.min(due - clock.now(), LONGEST_WAIT_MS));
        await bell.wait(wait === 0 ? LOOK_AGAIN_MS : wait);
      }
    },
  };
}

/** What was asked for takes a moment to be seen. */
const LOOK_AGAIN_MS = 250;

/** Its owner renewed it meanwhile: it is looked at again. */
function unlessRaced(error: unknown): void {
  if (!hasCode(error, "lost_race")) throw error;
}
