// What can be wrong with a history.

export const INVARIANTS = {
  // submits
  accepted_missing: "an accepted job has no record",
  not_final: "a job has not reached a final state although everything is healed and quiet",
  submitted_twice: "one submit became several jobs",
  key_split: "one idempotency key was answered with several jobs",
  key_shared: "two idempotency keys were answered with one job",
  retry_lost: "an accepted manual retry did not happen",
  // records
  illegal_move: "a record changed in a way that the table of moves does not know",
  changed_after_final: "a final record changed without a manual retry",
  history_rewritten: "a record does not build on the one before it",
  committed_twice: "an attempt ended twice",
  attempt_skipped: "the attempt number did not rise by exactly one",
  attempt_overtook: "an attempt began in the record before its predecessor had ended there",
  attempts_exceeded: "a job was tried more often than it may be",
  unexplained_loss: "an attempt was lost although nothing had been done to its worker",
  // assignments
  epoch_back: "the epoch of the assignment log went back",
  assigned_twice: "an attempt was assigned more than once",
  assigned_wrongly: "an attempt was assigned on a record that did not wait for it",
  assigned_after_cancel: "an attempt was assigned long after a cancel was accepted",
  started_early: "an attempt was assigned before its time",
  misplaced: "an attempt was assigned to a worker that does not fit",
  foreign_owner: "a record names a worker that was never assigned the attempt",
  slots_exceeded: "a worker was assigned more than it has slots",
  queue_exceeded: "more attempts of a queue were open than its limit",
  cancel_refused: "a cancel was refused as too late although the job had not finished",
  // execution
  ran_twice: "an attempt was started twice",
  ran_unassigned: "an attempt was started by a worker that was not assigned it",
  started_before_end: "an attempt started before its predecessor had ended in the record",
  overlap: "two attempts ran at once outside a pause or partition of the first worker",
  ran_after_end: "an attempt ran on after its end was recorded",
  outlived_worker: "an attempt ran on after its worker was killed",
  result_differs: "the recorded exit is not the one that the job made",
  // output
  output_missing: "the output of an attempt was not found",
  output_gap: "the output of an attempt has a gap",
  output_wrong: "the output of an attempt is not what the job wrote",
  output_short: "the output of an ended attempt lacks its tail",
  output_incomplete: "the output of an ended attempt is not marked as complete",
  output_miscounted: "the record counts other bytes than the log holds",
  // leftovers
  cancelled_running: "a process of a cancelled job was still there",
  orphan: "a process of a finished job was left behind",
  slot_leaked: "a slot is taken although nothing runs",
  worker_forgotten: "a live worker is not listed as ready",
  worker_undead: "a worker is listed that does not live",
  schedulers_disagree: "a scheduler shows other jobs than the records",
} as const satisfies Record<string, string>;

export type Invariant = keyof typeof INVARIANTS;

export type Violation = {
  invariant: Invariant;
  job?: string;
  /** One sentence with the particulars. */
  why: string;
  /** The observations that show it. */
  evidence: readonly object[];
};

/** Takes violations; `evidence` in the order in which it should be read. */
export type Accuse = (
  invariant: Invariant,
  why: string,
  evidence: readonly object[],
  job?: string,
) => void;
