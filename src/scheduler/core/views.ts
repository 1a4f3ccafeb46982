// What people see of the board: jobs, workers, queues and totals, as plain values.
import type { Labels } from "../../shared/constraints.ts";
import type { JobState } from "../../shared/job.ts";
import type { Heartbeat, Progress } from "../../shared/messages.ts";
import type { Quarantine } from "../../shared/quarantine.ts";
import type { QueueSettings } from "../../shared/queue-settings.ts";
import type { Claim } from "./claim.ts";
import { shownState, type JobEntry } from "./entry.ts";
import type { JobList } from "./job-list.ts";
import { findJobs, type Found, type ListQuery } from "./listing.ts";
import type { Placer } from "./placer.ts";
import { freeSlots, QUIET_MS, totalSlots, type Row } from "./row.ts";
import { noDepth, type Tables } from "./tables.ts";

export type JobView = {
  id: string;
  /** Sequence of the record that this was read from. */
  seq: number;
  /** `running` from the assignment on. */
  state: JobState;
  queue: string;
  priority: number;
  handler?: string;
  labels?: Labels;
  /** The tenant that it belongs to. */
  namespace?: string;
  submittedAt: number;
  notBefore?: number;
  expiresAt?: number;
  finishedAt?: number;
  /** Newest attempt, the assigned one included; 0 before the first. */
  attempt: number;
  /** Who has the attempt. */
  worker?: string;
  /** How far the attempt is, by its own word. */
  progress?: Progress;
  cancelRequested: boolean;
};

export type JobPage = Omit<Found, "entries"> & { jobs: JobView[] };

export type WorkerView = {
  beat: Heartbeat;
  /** `quiet`: unheard for longer than a beat should take, gets nothing new; `gone`: its attempts are being settled. */
  status: "ready" | "quarantined" | "cordoned" | "draining" | "quiet" | "gone";
  /** Why it gets no more than a probe now and then. */
  quarantine?: Quarantine;
  /** Slots as the scheduler counts them, assignments under way included. */
  slots: { total: number; used: number; free: number };
  running: { job: string; attempt: number; at: number }[];
  /** Ms since the newest heartbeat. */
  silentMs: number;
};

export type QueueView = QueueSettings & {
  name: string;
  depth: Record<JobState, number>;
  /** Submit instant of the oldest job that could start now. */
  oldestAt?: number;
};

export type Stats = {
  jobs: Record<JobState, number>;
  workers: number;
  slots: { total: number; used: number };
};

export function createViews(deps: { tables: Tables; list: JobList; placer: Placer }) {
  const { tables, list, placer } = deps;

  function jobView(entry: JobEntry): JobView {
    const { shape, claim } = entry;
    return {
      id: entry.id,
      seq: entry.seq,
      state: shownState(entry),
      queue: shape.queue,
      priority: entry.priority,
      ...(shape.handler === undefined ? {} : { handler: shape.handler }),
      ...(entry.labels === undefined ? {} : { labels: entry.labels }),
      ...(entry.namespace === undefined ? {} : { namespace: entry.namespace }),
      submittedAt: entry.submittedAt,
      ...(entry.notBefore === undefined ? {} : { notBefore: entry.notBefore }),
      ...(entry.expiresAt === undefined ? {} : { expiresAt: entry.expiresAt }),
      ...(entry.finishedAt === undefined ? {} : { finishedAt: entry.finishedAt }),
      attempt: claim?.attempt ?? entry.attempt,
      ...(claim === undefined ? {} : { worker: claim.row.id, ...progressOf(claim) }),
      cancelRequested: tables.cancels.has(entry.id),
    };
  }

  /** Jobs that have the state and the queue. */
  function countOf({ state, queue }: ListQuery): number {
    let count = 0;
    for (const { name, depth } of tables.queues.values())
      if (queue === undefined || queue === name)
        for (const [of, jobs] of Object.entries(depth)) if ((state ?? of) === of) count += jobs;
    return count;
  }

  function oldestIn(queue: string): number | undefined {
    let oldest: number | undefined;
    for (const line of placer.linesOf(queue)) {
      const at = line.head()?.submittedAt;
      if (at !== undefined && at < (oldest ?? Infinity)) oldest = at;
    }
    return oldest;
  }

  return {
    job(id: string): JobView | undefined {
      const entry = tables.jobs.get(id);
      return entry && jobView(entry);
    },
    jobs(query: ListQuery): JobPage {
      const { entries, ...rest } = findJobs(list, query, countOf(query));
      return { jobs: entries.map(jobView), ...rest };
    },
    worker(id: string, mono: number): WorkerView | undefined {
      const row = tables.rows.get(id);
      return row?.beat && workerView(row, row.beat, mono);
    },
    workers(mono: number): WorkerView[] {
      return [...tables.rows.values()].flatMap((row) =>
        row.beat && row.presence !== "left" ? [workerView(row, row.beat, mono)] : [],
      );
    },
    queues(): QueueView[] {
      return [...tables.queues.values()].map(({ name, settings, depth }) => {
        const oldestAt = oldestIn(name);
        return {
          name,
          ...settings,
          depth: { ...depth },
          ...(oldestAt === undefined ? {} : { oldestAt }),
        };
      });
    },
    stats(): Stats {
      const jobs = noDepth();
      for (const { depth } of tables.queues.values())
        for (const state of Object.keys(jobs) as JobState[]) jobs[state] += depth[state];
      const rows = [...tables.rows.values()].filter(
        ({ beat, presence }) => beat !== undefined && presence === "present",
      );
      const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
      return {
        jobs,
        workers: rows.length,
        slots: { total: sum(totalSlots), used: sum(({ used }) => used) },
      };
    },
  };
}

export type Views = ReturnType<typeof createViews>;

function progressOf({ entry, row, attempt }: Claim): { progress?: Progress } {
  const held = row.beat?.held.find((each) => each.job === entry.id && each.attempt === attempt);
  return held?.progress === undefined ? {} : { progress: held.progress };
}

function workerView(row: Row, beat: Heartbeat, mono: number): WorkerView {
  return {
    beat,
    status: statusOf(row, beat, mono),
    slots: { total: totalSlots(row), used: row.used, free: Math.max(0, freeSlots(row)) },
    running: [...row.claims.values()].map(({ entry, attempt, at }) => ({
      job: entry.id,
      attempt,
      at,
    })),
    silentMs: Math.max(0, mono - row.seen),
    ...(row.conduct.entry === undefined ? {} : { quarantine: row.conduct.entry }),
  };
}

function statusOf(row: Row, beat: Heartbeat, mono: number): WorkerView["status"] {
  if (row.presence === "left" || row.presence === "dead") return "gone";
  if (row.presence === "expired" || mono - row.seen > QUIET_MS) return "quiet";
  if (beat.draining) return "draining";
  if (beat.cordoned) return "cordoned";
  return row.conduct.entry === undefined ? "ready" : "quarantined";
}
