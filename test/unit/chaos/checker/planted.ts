// One mutation of the clean history for each invariant, so that the history breaks it.
import type { Observation } from "../../../chaos/checker/history.ts";
import type { Invariant } from "../../../chaos/checker/violation.ts";
import type { JobRecord, TimelineEntry } from "../../../../src/shared/job.ts";

type Kind = Observation["kind"];
type Of<K extends Kind> = Extract<Observation, { kind: K }>;
type Plant = (history: Observation[]) => Observation[];

/** Every observation of the kind, of one job where it is about jobs. */
const all = <K extends Kind>(history: Observation[], kind: K, job?: string): Of<K>[] =>
  history.filter(
    (seen): seen is Of<K> =>
      seen.kind === kind && (job === undefined || ("job" in seen && seen.job === job)),
  );

function one<K extends Kind>(history: Observation[], kind: K, job?: string, at = 0): Of<K> {
  const seen = all(history, kind, job).at(at);
  if (seen === undefined) throw new Error(`the clean history has no ${kind} of ${job} at ${at}`);
  return seen;
}

/** Changes one observation in place. */
const change =
  <K extends Kind>(kind: K, job: string | undefined, act: (seen: Of<K>) => void, at = 0): Plant =>
  (history) => {
    act(one(history, kind, job, at));
    return history;
  };

/** Adds an observation that is like another one. */
const again =
  <K extends Kind>(kind: K, job: string | undefined, other: Partial<Of<K>>, at = 0): Plant =>
  (history) => [...history, { ...structuredClone(one(history, kind, job, at)), ...other }];

const without =
  <K extends Kind>(kind: K, isGone: (seen: Of<K>) => boolean): Plant =>
  (history) =>
    history.filter((seen) => seen.kind !== kind || !isGone(seen as Of<K>));

/** Adds a last version of a job's record. */
const version =
  (job: string, act: (record: JobRecord) => void): Plant =>
  (history) => {
    const last = structuredClone(one(history, "record", job, -1));
    act(last.record!);
    return [...history, { ...last, seq: last.seq + 1_000, at: last.at + 1_000 }];
  };

/** Adds a version with one more step. */
const step = (job: string, entry: Omit<TimelineEntry, "at">): Plant =>
  version(job, (record) => {
    record.timeline.push({ at: 9_000_000, ...entry });
    record.state = entry.state;
  });

/** Changes a step in all versions. */
const rewrite =
  (job: string, at: number, entry: Partial<TimelineEntry>): Plant =>
  (history) => {
    for (const { record } of all(history, "record", job)) {
      const found = record?.timeline[at];
      if (record === undefined || found === undefined) continue;
      Object.assign(found, entry);
      record.state = record.timeline.at(-1)!.state;
    }
    return history;
  };

const assigned =
  (job: string, act: (seen: Of<"assign">) => void, at = 0): Plant =>
  (history) => {
    const given = all(history, "assign").filter(({ items }) => items[0]?.job === job);
    act(given[at]!);
    return history;
  };

/** Assigns a job's attempt once more than the record knows, at that instant. */
const assignMore =
  (job: string, attempt: number, afterMs: number): Plant =>
  (history) => {
    const last = one(history, "record", job, -1);
    const seen: Of<"assign"> = {
      kind: "assign",
      at: last.at + afterMs,
      seq: 1_000,
      epoch: 9,
      worker: "w1-id",
      items: [{ job, attempt, seq: last.seq }],
    };
    return [...history, seen];
  };

const process =
  (when: Of<"process">["when"], job: string): Plant =>
  (history) => [
    ...history,
    { kind: "process", at: 9_000_000, when, job, attempt: 1, pid: 9, command: "sleep" },
  ];

const stdout = (act: (channel: Of<"output">["channels"]["stdout"]) => void): Plant =>
  change("output", "plain", ({ channels }) => act(channels.stdout));

export const PLANTED: Record<Invariant, Plant> = {
  accepted_missing: again("submit", "plain", { ref: "other", job: "nowhere" }),
  not_final: without(
    "record",
    ({ job, record }) => job === "plain" && record?.state === "succeeded",
  ),
  submitted_twice: version("plain", (record) => (record.spec.labels = { ref: "lost" })),
  key_split: again("submit", "plain", { job: "lost" }),
  key_shared: again("submit", "plain", { key: "key-failing" }),
  retry_lost: again("retry", "failing", {}),

  illegal_move: rewrite("plain", 0, { state: "running" }),
  changed_after_final: step("plain", { what: "finished", state: "failed", attempt: 2 }),
  history_rewritten: (history) => {
    const [first, second] = all(history, "record", "plain");
    const other = structuredClone(first!);
    return [...history, { ...other, seq: second!.seq + 0.5 }];
  },
  committed_twice: step("cancelled", { what: "finished", state: "cancelled", attempt: 1 }),
  attempt_skipped: rewrite("plain", 1, { attempt: 4 }),
  attempt_overtook: rewrite("plain", 2, { attempt: 2 }),
  attempts_exceeded: version("failing", ({ spec }) => (spec.retry = { attempts: 1 })),
  unexplained_loss: without("fault", () => true),

  epoch_back: assigned("cancelled", (seen) => (seen.epoch = 1)),
  assigned_twice: assigned("plain", ({ items }) => items.push(...structuredClone(items))),
  assigned_wrongly: assignMore("plain", 2, 1),
  assigned_after_cancel: assignMore("cancelled", 2, 60_000),
  started_early: change("record", "plain", ({ record }) => (record!.notBefore = 99_000_000)),
  misplaced: change("worker", undefined, ({ labels }) => Object.assign(labels, { zone: "c" })),
  foreign_owner: assigned("plain", (seen) => (seen.worker = "w2-id")),
  slots_exceeded: change("worker", undefined, (seen) => (seen.slots = 0)),
  queue_exceeded: change("queue", undefined, (seen) => (seen.maxRunning = 0)),
  cancel_refused: again("cancel", "plain", { at: 0 }),

  ran_twice: again("line", "plain", { pid: 2 }),
  ran_unassigned: again("line", "plain", { worker: "w3-id", attempt: 2 }),
  started_before_end: change("line", "failing", (seen) => (seen.at -= 9_000), 2),
  overlap: change("line", "failing", (seen) => (seen.at += 9_000), 1),
  ran_after_end: again("line", "plain", { what: "wrote", at: 9_000_000 }),
  outlived_worker: again("line", "lost", { what: "wrote", at: 9_000_000 }),
  result_differs: change("line", "plain", (seen) => (seen.exitCode = 1), 1),

  output_missing: without("output", ({ job }) => job === "plain"),
  output_gap: stdout((channel) => (channel.dropped = 1)),
  output_wrong: stdout((channel) => (channel.sha256 = "0")),
  output_short: change("line", "cancelled", (seen) => (seen.stdout += 9), 1),
  output_incomplete: change("output", "plain", (seen) => (seen.complete = false)),
  output_miscounted: version("plain", ({ attempts }) => (attempts[0]!.output!.stdout = 1)),

  cancelled_running: process("cancelled", "cancelled"),
  orphan: process("end", "plain"),
  slot_leaked: change("scheduler", undefined, ({ workers }) => (workers[0]!.used = 1)),
  worker_forgotten: change("scheduler", undefined, ({ workers }) => workers.pop()),
  worker_undead: change("alive", undefined, ({ workers }) => workers.pop()),
  schedulers_disagree: change("scheduler", undefined, ({ jobs }) => (jobs.succeeded += 1)),
};
