// Says why a job has not started: what each of its needs costs it in workers, and what else it waits for.
import { formatConstraint, matches } from "../../shared/constraints.ts";
import type { Heartbeat } from "../../shared/messages.ts";
import { isOver, type JobEntry } from "./entry.ts";
import type { Placer } from "./placer.ts";
import { freeSlots, QUIET_MS, type Row } from "./row.ts";
import { announces, isPinnedTo } from "./shape.ts";
import { admits, queueRow, type Tables } from "./tables.ts";

/** One test that workers must pass, and how many of those that passed the tests before it failed this one. */
export type Filter = { what: string; removed: number };

export type Reason =
  | { code: "finished"; state: string }
  | { code: "assigned"; worker: string; attempt: number }
  | { code: "cancel_requested" }
  | { code: "expired" }
  | { code: "not_before" | "retry_backoff"; at: number }
  | { code: "queue_paused"; queue: string }
  | { code: "queue_full"; queue: string; running: number; maxRunning: number }
  | { code: "no_workers" }
  | { code: "worker_not_present"; worker: string }
  | { code: "no_such_handler"; handler: string }
  | { code: "no_match"; constraints: string[] }
  | { code: "not_accepting"; cordoned: number; draining: number; quiet: number }
  | { code: "too_few_slots"; needed: number; largest: number }
  | { code: "all_busy"; workers: number }
  | { code: "slots_in_pieces"; needed: number; mostFree: number }
  | { code: "worker_kept"; priority: number }
  | { code: "next" };

export type Why = {
  job: string;
  reasons: Reason[];
  /** Workers known, and what removed how many of them, in the order of the tests. */
  workers: number;
  filters: Filter[];
  /** Jobs with the same needs that go before this one. */
  ahead: number;
};

type Test = {
  what: string;
  pass: (row: Row, beat: Heartbeat) => boolean;
  reason: (failed: Row[]) => Reason;
};

export function explain(
  deps: { tables: Tables; placer: Placer },
  entry: JobEntry,
  now: number,
  mono: number,
): Why {
  const { tables, placer } = deps;
  const rows = [...tables.rows.values()].filter(
    ({ beat, presence }) => beat !== undefined && presence !== "left" && presence !== "dead",
  );
  const settled = settledReason(tables, entry, now);
  if (settled)
    return { job: entry.id, reasons: [settled], workers: rows.length, filters: [], ahead: 0 };
  const { filters, reason } = sift(testsOf(entry, mono), rows);
  const reasons = [
    ...waitReasons(tables, entry, now),
    ...(rows.length === 0 ? [{ code: "no_workers" } as const] : reason ? [reason] : []),
  ];
  const ahead = aheadOf(placer, entry);
  return {
    job: entry.id,
    reasons: reasons.length === 0 ? [{ code: "next" }] : reasons,
    workers: rows.length,
    filters,
    ahead,
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

function waitReasons(
  tables: Tables,
  { notBefore, attempt, shape }: JobEntry,
  now: number,
): Reason[] {
  const reasons: Reason[] = [];
  if (notBefore !== undefined && notBefore > now)
    reasons.push({ code: attempt > 0 ? "retry_backoff" : "not_before", at: notBefore });
  const queue = queueRow(tables, shape.queue);
  const { paused, maxRunning } = queue.settings;
  if (paused) reasons.push({ code: "queue_paused", queue: queue.name });
  else if (!admits(queue) && maxRunning !== undefined)
    reasons.push({ code: "queue_full", queue: queue.name, running: queue.running, maxRunning });
  return reasons;
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

function testsOf({ shape, priority }: JobEntry, mono: number): Test[] {
  const { pin, handler, slots, require } = shape;
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
    ...(handler === undefined
      ? []
      : [
          {
            what: `handler ${handler}`,
            pass: (_: Row, beat: Heartbeat) => announces(shape, beat),
            reason: (): Reason => ({ code: "no_such_handler", handler }),
          },
        ]),
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
      pass: (row, beat) => !beat.cordoned && !beat.draining && !isQuiet(row, mono),
      reason: (failed) => ({
        code: "not_accepting",
        cordoned: failed.filter(({ beat }) => beat?.cordoned && !beat.draining).length,
        draining: failed.filter(({ beat }) => beat?.draining).length,
        quiet: failed.filter((row) => isQuiet(row, mono)).length,
      }),
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
        reserved === undefined || reserved.shape === shape || reserved.priority < priority,
      reason: (failed) => ({
        code: "worker_kept",
        priority: failed[0]?.reserved?.priority ?? priority,
      }),
    },
  ];
}

const isQuiet = (row: Row, mono: number): boolean =>
  row.presence === "expired" || mono - row.seen > QUIET_MS;

function aheadOf(placer: Placer, entry: JobEntry): number {
  let ahead = 0;
  for (const line of placer.linesLike(entry.shape)) {
    if (line.priority > entry.priority) ahead += line.size;
    else if (line.priority === entry.priority) ahead += line.ahead(entry);
  }
  return ahead;
}
