// Looks through the records for what should not be there. Whoever is suspected gets a second look before it counts.
import type { Board, Reason } from "../../scheduler/core/board.ts";
import { inWords } from "../../scheduler/http/why.ts";
import { durationMs } from "../../shared/durations.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { createJobStore } from "../../shared/io/job-store.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import { textOf } from "../../shared/io/wire.ts";
import { isFinal } from "../../shared/job.ts";
import { decodeLease } from "../../shared/messages.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import { readCancels } from "./cancel-intents.ts";
import type { InstallationFacts, StaleCancel } from "./facts.ts";
import { openFreshIndex, type FreshIndex } from "./fresh-index.ts";

/** What is being settled right now looks like trouble for a moment. */
const SECOND_LOOK_MS = 4_000;
const LONG_WAIT_MS = 60_000;
/** Beyond the job's own grace: room for requests that had to be repeated. */
const CANCEL_PATIENCE_MS = 20_000;
/** Asking why is work: of a long queue, only so many of the oldest jobs are asked about. */
const ASKED = 1_000;

const UNRUNNABLE: ReadonlySet<Reason["code"]> = new Set([
  "worker_not_present",
  "no_such_handler",
  "no_match",
  "not_accepting",
  "too_few_slots",
]);

/** Throws `broker_unavailable` when the records cannot all be read. */
export async function examine(broker: Broker, clockAheadMs: number): Promise<InstallationFacts> {
  await using index = await openFreshIndex(broker, clockAheadMs);
  const first = await look(broker, index);
  if (first.orphans.length === 0 && first.cancels.length === 0) return first;
  await pause(SECOND_LOOK_MS);
  await index.caughtUp();
  const second = await look(broker, index);
  return {
    ...second,
    orphans: inBoth(first.orphans, second.orphans),
    cancels: inBoth(first.cancels, second.cancels),
  };
}

function inBoth<T extends { job: string }>(before: readonly T[], after: readonly T[]): T[] {
  const jobs = new Set(before.map(({ job }) => job));
  return after.filter(({ job }) => jobs.has(job));
}

async function look(broker: Broker, { board, clock }: FreshIndex): Promise<InstallationFacts> {
  const { stream, key } = broker.subjects.leader;
  const stored = await broker.last(stream, key);
  const lease = stored === undefined || stored.removed ? undefined : decodeLease(textOf(stored));
  return {
    ...(lease === undefined ? {} : { lease }),
    workers: board.workers(clock.mono()).map(({ beat, status, silentMs }) => ({
      id: beat.id,
      version: beat.version,
      status,
      silentMs: Math.round(silentMs),
    })),
    orphans: orphansIn(board, clock.mono()),
    unrunnable: unrunnableIn(board, clock.now(), clock.mono()),
    cancels: await staleCancels(broker, board, clock.now()),
  };
}

function orphansIn(board: Board, mono: number): InstallationFacts["orphans"] {
  const here = new Set(
    board.workers(mono).flatMap(({ beat, status }) => (status === "gone" ? [] : [beat.id])),
  );
  const { jobs } = board.list({ state: "running", limit: Infinity });
  return jobs.flatMap(({ id, worker }) =>
    worker === undefined || here.has(worker) ? [] : [{ job: id, worker }],
  );
}

function unrunnableIn(board: Board, now: number, mono: number): InstallationFacts["unrunnable"] {
  const waiting = board
    .list({ state: "queued", limit: Infinity })
    .jobs.map(({ id, submittedAt, notBefore = 0 }) => ({
      job: id,
      waitedMs: now - Math.max(submittedAt, notBefore),
    }))
    .filter(({ waitedMs }) => waitedMs > LONG_WAIT_MS);
  return waiting.slice(-ASKED).flatMap((one) => {
    const reason = board.why(one.job, now, mono)?.reasons.find(({ code }) => UNRUNNABLE.has(code));
    return reason === undefined ? [] : [{ ...one, why: inWords(reason) }];
  });
}

async function staleCancels(broker: Broker, board: Board, now: number): Promise<StaleCancel[]> {
  const stale: StaleCancel[] = [];
  for (const [job, { at }] of await readCancels(broker)) {
    const state = board.get(job)?.state;
    const ageMs = now - at;
    if (state === undefined) stale.push({ job, ageMs, what: "stray" });
    else if (isFinal(state)) stale.push({ job, ageMs, what: "leftover" });
    else if (ageMs > CANCEL_PATIENCE_MS + (await graceMs(broker, job)))
      stale.push({ job, ageMs, what: "pending" });
  }
  return stale;
}

/** Time that the job has between TERM and KILL. */
async function graceMs(broker: Broker, job: string): Promise<number> {
  const found = await createJobStore(broker).read(job);
  const grace = found?.record.spec.grace;
  return grace === undefined ? SPEC_DEFAULTS.graceMs : durationMs(grace);
}
