// Says why a job has not started: what each of its needs costs it in workers, and what else it waits for.
import { formatConstraint, matches } from "../../shared/constraints.ts";
import type { Heartbeat } from "../../shared/messages.ts";
import { isOver, type JobEntry } from "./entry.ts";
import { isBusy, keyOf } from "./key-row.ts";
import { levelOf } from "./lane.ts";
import type { Placer } from "./placer.ts";
import { opensAt } from "./rate.ts";
import { freeSlots, isDueForProbe, QUIET_MS, type Row } from "./row.ts";
import { handlerTests } from "./why-handler.ts";
import { hasSeat } from "./ranking.ts";
import { isPinnedTo, type Shape } from "./shape.ts";
import { admits, queueRow, type QueueRow, type Tables } from "./tables.ts";
import type { Uniques } from "./uniques.ts";

/** One test that workers must pass, and how many of those that passed the tests before it failed this one. */
export type Filter = { what: string; removed: number };

export type Reason =
  | { code: "finished"; state: string }
  | { code: "assigned"; worker: string; attempt: number }
  | { code: "cancel_requested" }
  | { code: "expired" }
  | { code: "purged"; queue: string }
  | { code: "duplicate"; of: string }
  | { code: "not_before" | "retry_backoff"; at: number }
  | { code: "queue_paused"; queue: string }
  | { code: "queue_full"; queue: string; running: number; maxRunning: number }
  | { code: "rate_limited"; queue: string; limit: number; perMs: number; at: number }
  | { code: "key_busy"; key: string; running: number; limit: number; jobs: string[] }
  | { code: "no_workers" }
  | { code: "worker_not_present"; worker: string }
  | { code: "no_such_handler"; handler: string }
  | { code: "no_such_version"; handler: string; announced: string[] }
  | { code: "no_match"; constraints: string[] }
  | {
      code: "not_accepting";
      cordoned: number;
      draining: number;
      quiet: number;
      quarantined?: number;
    }
  | { code: "too_few_slots"; needed: number; largest: number }
  | { code: "all_busy"; workers: number }
  | { code: "slots_in_pieces"; needed: number; mostFree: number }
  | { code: "worker_kept"; priority: number }
  | { code: "reservation_waiting"; reservation: string }
  | { code: "reservation_busy"; reservation: string; needed: number }
  | { code: "next" };

export type Why = {
  job: string;
  reasons: Reason[];
  /** Workers known, and what removed how many of them, in the order of the tests. */
  workers: number;
  filters: Filter[];
  /** Jobs with the same needs and the same key that go before this one. */
  ahead: number;
};

export type Test = {
  what: string;
  pass: (row: Row, beat: Heartbeat) => boolean;
  reason: (failed: Row[]) => Reason;
};

export function explain(
  deps: { tables: Tables; placer: Placer; uniques: Pick<Uniques, "originalOf"> },
  entry: JobEntry,
  now: number,
  mono: number,
): Why {
  const { tables, placer } = deps;
  const rows = [...tables.rows.values()].filter(
    ({ beat, presence }) => beat !== undefined && presence !== "left" && presence !== "dead",
  );
  const settled = settledReason(tables, entry, now) ?? endingReason(deps, entry);
  if (settled)
    return { job: entry.id, reasons: [settled], workers: rows.length, filters: [], ahead: 0 };
  const level = (of: JobEntry): number => levelOf(of, queueRow(tables, of.shape.queue), now);
  const { filters, reason } = sift(testsOf(entry, mono, level), rows);
  const reasons = [
    ...waitReasons(tables, entry, now),
    ...(rows.length === 0 ? [{ code: "no_workers" } as const] : reason ? [reason] : []),
  ];
  return {
    job: entry.id,
    reasons: reasons.length === 0 ? [{ code: "next" }] : reasons,
    workers: rows.length,
    filters,
    ahead: placer.ahead(entry),
  };
}

/** What makes every other question pointless. */
function settledReason(tables: Tables, entry: JobEntry, now: number): Reason | undefined {
  if (isOver(entry)) return { code: "finished", state: entry.state };
  if (entry.claim)
    return { code: "assigned", worker: entry.claim.row.id, attempt: entry.claim.attempt };
  if (tables.cancels.has(entry.id)) return { code: "cancel_requested" };
  return (entry.expiresAt ?? Infinity) <= now ? { code: "expired" } : undefined;
}

/** What will end it without a start, as soon as a leader gets to it. */
function endingReason(
  { tables, uniques }: { tables: Tables; uniques: Pick<Uniques, "originalOf"> },
  entry: JobEntry,
): Reason | undefined {
  const { queue } = entry.shape;
  const { purge } = queueRow(tables, queue);
  if (purge !== undefined && entry.seq <= purge.upTo) return { code: "purged", queue };
  const original = uniques.originalOf(entry);
  return original && { code: "duplicate", of: original.id };
}

function waitReasons(tables: Tables, entry: JobEntry, now: number): Reason[] {
  const { notBefore, attempt, shape } = entry;
  const reasons: Reason[] = [];
  if (notBefore !== undefined && notBefore > now)
    reasons.push({ code: attempt > 0 ? "retry_backoff" : "not_before", at: notBefore });
  const ofQueue = queueReason(queueRow(tables, shape.queue), now);
  const ofKey = keyReason(tables, entry);
  return [...reasons, ...(ofQueue ? [ofQueue] : []), ...(ofKey ? [ofKey] : [])];
}

function queueReason(queue: QueueRow, now: number): Reason | undefined {
  const { name, running, rules } = queue;
  if (rules.paused) return { code: "queue_paused", queue: name };
  if (!admits(queue))
    return { code: "queue_full", queue: name, running, maxRunning: rules.maxRunning };
  const at = opensAt(queue, now);
  return at !== undefined && rules.rate
    ? { code: "rate_limited", queue: name, ...rules.rate, at }
    : undefined;
}

const MAX_NAMED = 3;

function keyReason(tables: Tables, entry: JobEntry): Reason | undefined {
  const key = keyOf(tables, entry);
  if (key === undefined || !isBusy(key)) return undefined;
  const { name, running, queue } = key;
  const jobs = [...key.open].filter(({ claim }) => claim !== undefined).map(({ id }) => id);
  const limit = queue.rules.keyLimit;
  return { code: "key_busy", key: name, running, limit, jobs: jobs.slice(0, MAX_NAMED) };
}

/** Sends the workers through the tests; the reason is that of the test which removed the last of them. */
function sift(tests: Test[], rows: Row[]): { filters: Filter[]; reason: Reason | undefined } {
  const filters: Filter[] = [];
  let left = rows;
  let reason: Reason | undefined;
  for (const { what, pass, reason: say } of tests) {
    const failed = left.filter((row) => row.beat === undefined || !pass(row, row.beat));
    if (failed.length > 0) filters.push({ what, removed: failed.length });
    if (failed.length > 0 && failed.length === left.length) reason = say(failed);
    left = left.filter((row) => !failed.includes(row));
  }
  return { filters, reason };
}

function testsOf(entry: JobEntry, mono: number, level: (of: JobEntry) => number): Test[] {
  const { shape } = entry;
  const { pin, slots, require } = shape;
  const constraints = require.map(formatConstraint);
  const noMatch = (): Reason => ({ code: "no_match", constraints });
  return [
    ...(pin === undefined
      ? []
      : [
          {
            what: `worker ${pin}`,
            pass: (_: Row, beat: Heartbeat) => isPinnedTo(shape, beat),
            reason: (): Reason => ({ code: "worker_not_present", worker: pin }),
          },
        ]),
    ...handlerTests(shape),
    ...seatTests(shape.seat),
    {
      what: `protocol ${shape.protocol}`,
      pass: (_, beat) => beat.protocol >= shape.protocol,
      reason: () => ({ code: "no_match", constraints: [`protocol>=${shape.protocol}`] }),
    },
    ...require.map((constraint, i) => ({
      what: constraints[i] as string,
      pass: (_: Row, beat: Heartbeat) => matches(constraint, beat.labels),
      reason: noMatch,
    })),
    {
      what: "accepting work",
      pass: (row, beat) =>
        !beat.cordoned && !beat.draining && !isQuiet(row, mono) && !isKeptOut(row),
      reason: notAccepting(mono),
    },
    {
      what: `${slots} slots in all`,
      pass: (_, beat) => beat.slots.total >= slots,
      reason: (failed) => ({
        code: "too_few_slots",
        needed: slots,
        largest: Math.max(...failed.map(({ beat }) => beat?.slots.total ?? 0)),
      }),
    },
    {
      what: `${slots} slots free`,
      pass: (row) => freeSlots(row) >= slots,
      reason: (failed) => {
        const mostFree = Math.max(0, ...failed.map(freeSlots));
        return mostFree > 0
          ? { code: "slots_in_pieces", needed: slots, mostFree }
          : { code: "all_busy", workers: failed.length };
      },
    },
    {
      what: "not kept for a larger job",
      pass: ({ reserved }) =>
        reserved === undefined || reserved.shape === shape || level(reserved) < level(entry),
      reason: (failed) => ({ code: "worker_kept", priority: level(failed[0]?.reserved ?? entry) }),
    },
  ];
}

const notAccepting =
  (mono: number) =>
  (failed: Row[]): Reason => {
    const quarantined = failed.filter(isKeptOut).length;
    return {
      code: "not_accepting",
      cordoned: failed.filter(({ beat }) => beat?.cordoned && !beat.draining).length,
      draining: failed.filter(({ beat }) => beat?.draining).length,
      quiet: failed.filter((row) => isQuiet(row, mono)).length,
      ...(quarantined === 0 ? {} : { quarantined }),
    };
  };

const isKeptOut = (row: Row): boolean => row.conduct.entry !== undefined && !isDueForProbe(row);

/** What a job asks for that is to run in a reservation: a worker that has it, and enough of it left. */
function seatTests(seat: Shape["seat"]): Test[] {
  if (seat === undefined) return [];
  const { of: reservation, slots } = seat;
  return [
    {
      what: `reservation ${reservation}`,
      pass: ({ claims }) => claims.has(reservation),
      reason: () => ({ code: "reservation_waiting", reservation }),
    },
    {
      what: `${slots} slots of it free`,
      pass: (row) => hasSeat(seat, row),
      reason: () => ({ code: "reservation_busy", reservation, needed: slots }),
    },
  ];
}

const isQuiet = (row: Row, mono: number): boolean =>
  row.presence === "expired" || mono - row.seen > QUIET_MS;
