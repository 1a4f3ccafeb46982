// A scheduler without its HTTP face: replica, election and leader as the product runs them, and what its callers may do.
import { createAdmission } from "../../src/scheduler/admission.ts";
import { createJobStore } from "../../src/shared/io/job-store.ts";
import { runAll } from "../../src/shared/io/lifecycle.ts";
import { createControl, type Control } from "../../src/scheduler/control.ts";
import { createElection } from "../../src/scheduler/election.ts";
import { createJobActions, type JobActions } from "../../src/scheduler/http/cancel-retry.ts";
import { createSubmit, type Submit } from "../../src/scheduler/submission/submit.ts";
import { lead } from "../../src/scheduler/leader.ts";
import { createReplica, type Replica } from "../../src/scheduler/replica.ts";
import { noteEnd, openStation, type Stage, type Station } from "./stage.ts";

export type SchedulerStation = Station & {
  readonly replica: Replica;
  readonly actions: JobActions;
  readonly submit: Submit;
  readonly control: Control;
  leads(): boolean;
  /** Gives the lease back and ends. */
  stop(): void;
};

export const LEASE_MS = 3_000;

export function startScheduler(stage: Stage, id: string, newJobId: () => string): SchedulerStation {
  const station = openStation(stage, id);
  const { broker, enter } = station;
  const { clock } = broker;
  const { log } = stage;
  const store = createJobStore(broker);
  const replica = createReplica({ broker, log });
  const ending = new AbortController();
  let leads = false;
  const election = createElection({
    broker,
    scheduler: id,
    ttlMs: LEASE_MS,
    log,
    async lead(lease, signal, isTrusted) {
      leads = true;
      try {
        await lead({ broker, replica, store, log }, lease, signal, isTrusted);
      } finally {
        leads = false;
      }
    },
  });
  enter(() => noteEnd(stage, station, runAll([replica, election], ending.signal)));
  // nobody here reserves anything
  const reservations = { requireUse: async () => undefined };
  return {
    ...station,
    replica,
    actions: createJobActions({ store, clock, reservations }),
    submit: createSubmit({
      store,
      clock,
      newJobId,
      broker,
      view: replica.board,
      admission: createAdmission(replica.board),
      reservations,
    }),
    control: createControl(broker),
    leads: () => leads,
    stop: () => enter(() => ending.abort()),
  };
}
