// Tells workers that fail for reasons of their own from those that are given bad jobs, and keeps the former from getting more.
//
// A failure counts when the worker could not start an attempt, or was lost with it. What was assigned before the last failure
// was known says nothing new: a host that dies with eight attempts failed once. Failures that share a job may be that job's
// doing, and so may the death of a worker with a handler in it: neither counts.
import type { Attempt } from "../../shared/job.ts";
import { workerName } from "../../shared/names.ts";
import { QUARANTINE, type Quarantine } from "../../shared/quarantine.ts";
import type { Claim } from "./claim.ts";
import type { Placer } from "./placer.ts";
import { newConduct, type Conduct, type Row } from "./row.ts";

/** What is to become of the workers of a name. */
export type Verdict =
  | { worker: string; how: "out"; reason: string; after: number }
  | { worker: string; how: "released" };

export type Quarantines = {
  /** How the workers of this one's name have done; all of them share it. */
  conductOf(workerId: string): Conduct;
  /** The worker is forgotten. */
  dismiss(row: Row): void;
  /** An assignment was heard of. */
  assigned(seq: number): void;
  /** The attempt is over; to be told before its claim is closed. */
  ended(claim: Claim, attempt: Attempt): void;
  /** Somebody took the workers of a name out, kept them out for longer, or let them in again. */
  changed(name: string, entry: Quarantine | undefined): void;
  /** Lets those whose time has come have a probe. */
  advance(now: number): void;
  /** Epoch ms at which the next probe may begin. */
  opensAt(): number | undefined;
  /** Told again until the entry says so. */
  verdicts(): Verdict[];
  /** Calls back when there is a verdict, and when an entry changed, until disposed. */
  watch(listener: () => void): Disposable;
};

/** Names without a worker that are remembered: one that keeps dying is gone for a while each time. */
const REMEMBERED = 1_000;

export function createQuarantines(placer: Pick<Placer, "improved">): Quarantines {
  const conducts = new Map<string, Conduct>();
  const waiting = new Set<Conduct>();
  const judged = new Set<Conduct>();
  const listeners = new Set<() => void>();
  let newest = 0;

  function conductOf(name: string): Conduct {
    const known = conducts.get(name);
    if (known) return known;
    const conduct = newConduct(name);
    conducts.set(name, conduct);
    return conduct;
  }

  function tell(): void {
    for (const listener of listeners) listener();
  }

  function improve(conduct: Conduct): void {
    for (const row of conduct.rows) placer.improved(row);
  }

  function passed(conduct: Conduct): void {
    if (conduct.entry === undefined) {
      conduct.failures = [];
      return;
    }
    conduct.verdict = { worker: conduct.name, how: "released" };
    judged.add(conduct);
    tell();
  }

  function failed(conduct: Conduct, jobs: ReadonlySet<string>, reason: string): void {
    const { failures, name, entry } = conduct;
    conduct.after = newest;
    if (failures.some((before) => share(before, jobs))) return;
    failures.push(jobs);
    if (entry === undefined && failures.length < QUARANTINE.failures) return;
    failures.splice(0, failures.length - QUARANTINE.failures);
    conduct.verdict = { worker: name, how: "out", reason, after: newest };
    judged.add(conduct);
    tell();
  }

  function lost({ row, entry }: Claim, reason: string): void {
    const isDead = row.presence === "left" || row.presence === "dead";
    const together = isDead ? [...row.claims.values()].map((claim) => claim.entry) : [entry];
    if (isDead && together.some(({ shape }) => shape.handler !== undefined))
      row.conduct.after = newest;
    else failed(row.conduct, new Set(together.map(({ id }) => id)), reason);
  }

  return {
    conductOf: (workerId) => conductOf(workerName(workerId)),
    dismiss(row) {
      const { conduct } = row;
      conduct.rows.delete(row);
      if (conduct.rows.size > 0 || conduct.entry !== undefined) return;
      conducts.delete(conduct.name);
      if (conduct.failures.length > 0) conducts.set(conduct.name, conduct);
      for (const [name, { rows, entry }] of conducts) {
        if (conducts.size <= REMEMBERED) break;
        if (rows.size === 0 && entry === undefined) conducts.delete(name);
      }
    },
    assigned(seq) {
      newest = Math.max(newest, seq);
    },
    ended(claim, { outcome, workersFault, reason }) {
      const { conduct } = claim.row;
      if (claim.assignSeq === undefined || claim.assignSeq <= conduct.after) return;
      if (outcome === "worker_lost") lost(claim, reason ?? "It was lost.");
      else if (workersFault) failed(conduct, new Set([claim.entry.id]), reason ?? "It failed.");
      else if (outcome !== undefined && RAN.has(outcome)) passed(conduct);
    },
    changed(name, entry) {
      const conduct = conductOf(name);
      conduct.entry = entry;
      conduct.isProbed = false;
      conduct.verdict = undefined;
      conduct.after = Math.max(conduct.after, entry?.after ?? newest);
      judged.delete(conduct);
      if (entry === undefined) {
        conduct.failures = [];
        waiting.delete(conduct);
        improve(conduct);
      } else waiting.add(conduct);
      tell();
    },
    advance(now) {
      for (const conduct of waiting) {
        if ((conduct.entry?.probeAt ?? now) > now) continue;
        waiting.delete(conduct);
        conduct.isProbed = true;
        improve(conduct);
      }
    },
    opensAt() {
      const instants = [...waiting].flatMap(({ entry }) => (entry ? [entry.probeAt] : []));
      return instants.length === 0 ? undefined : Math.min(...instants);
    },
    verdicts: () => [...judged].flatMap(({ verdict }) => (verdict ? [verdict] : [])),
    watch(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

function share(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  for (const one of some) if (others.has(one)) return true;
  return false;
}

/** Outcomes of attempts that certainly began. */
const RAN: ReadonlySet<NonNullable<Attempt["outcome"]>> = new Set([
  "exited",
  "threw",
  "signalled",
  "timed_out",
]);
