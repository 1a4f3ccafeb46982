// Reservations put together: what callers do with them, and the leader's duty.
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { decodeTenure } from "../../shared/reservation.ts";
import type { ConfigBook } from "../config-book.ts";
import type { Duty } from "../duties.ts";
import type { Replica } from "../replica.ts";
import { createReservationDesk, type ReservationDesk } from "./desk.ts";
import { createReservationDuty } from "./duty.ts";

/** To be called before the book's feed runs. */
export function openReservations(deps: {
  broker: Broker;
  book: ConfigBook;
  replica: Replica;
  store: JobStore;
  newJobId(): string;
}): { desk: ReservationDesk; duty: Duty } {
  const { broker, book, replica, store, newJobId } = deps;
  const { board, onFact } = replica;
  const { clock } = broker;
  const tenures = createConfigStore(broker, "reservation", decodeTenure);
  const shelf = book.shelf("reservation", decodeTenure);
  return {
    desk: createReservationDesk({ view: board, store, tenures, shelf, clock, newJobId, onFact }),
    duty: createReservationDuty({ board, store, tenures, shelf, clock }),
  };
}
