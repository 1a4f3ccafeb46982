// What the doctor finds out before judging. A part that could not be reached is the reason why.
import type { BrokerReport } from "../../shared/io/inspect.ts";
import type { LeaderLease } from "../../shared/messages.ts";
import type { Stats, WorkerView } from "../views.ts";

export type Facts = {
  server: ServerFacts | Error;
  broker: (BrokerReport & { url: string }) | Error;
  /** What the brokers' monitoring endpoints told; those that did not answer are missing. */
  monitors: MonitorFacts[];
  /** What the broker's records say; absent when the broker or its streams could not be had. */
  installation?: InstallationFacts | Error;
  /** Version of this command. */
  version: string;
};

export type ServerFacts = {
  url: string;
  aheadMs: number;
  stats: Stats;
  /** Workers that are kept out since they kept failing. */
  quarantined: Pick<WorkerView, "id" | "quarantine">[];
};

export type MonitorFacts = {
  server: string;
  /** How it writes to disk: at once, or all that gathered in this time. */
  sync: { always: boolean; everyMs: number };
  storage: { used: number; limit: number };
};

export type InstallationFacts = {
  lease?: LeaderLease;
  workers: { id: string; version: string; status: string; silentMs: number }[];
  /** Attempts whose worker is gone. */
  orphans: { job: string; worker: string }[];
  /** Jobs that have waited for long and that no worker there is can run, with the reason in words. */
  unrunnable: { job: string; waitedMs: number; why: string }[];
  /** Wishes to cancel that should have been served by now. */
  cancels: StaleCancel[];
};

export type StaleCancel = {
  job: string;
  ageMs: number;
  /** pending: the job still runs or waits · leftover: the job has ended · stray: there is no such job */
  what: "pending" | "leftover" | "stray";
};
