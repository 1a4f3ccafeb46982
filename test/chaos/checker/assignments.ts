// Assignments: each attempt is given once, by the leader of the newest epoch, on a record that waits for it, to a worker that fits.
import { matches, parseConstraint } from "../../../src/shared/constraints.ts";
import { isFinal } from "../../../src/shared/job.ts";
import type { CancelSeen } from "./history.ts";
import { stepsOf, type Given, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

/** A leader that has not heard of a cancel yet may still assign; its feed is checked every two seconds. */
const CANCEL_HEARD_MS = 5_000;

export function checkAssignments(world: World, accuse: Accuse): void {
  checkEpochs(world, accuse);
  for (const story of world.stories.values()) {
    checkUnique(story, accuse);
    checkOwners(story, accuse);
    for (const given of story.given) {
      checkGround(story, given, accuse);
      checkFit(world, story, given, accuse);
    }
    for (const cancel of story.cancels) {
      if (cancel.answer === "accepted") checkAfterCancel(story, cancel, accuse);
      if (cancel.code === "job_finished") checkRefusal(story, cancel, accuse);
    }
  }
}

function checkEpochs({ assigns }: World, accuse: Accuse): void {
  let newest = assigns[0];
  for (const message of assigns) {
    if (newest !== undefined && message.epoch < newest.epoch)
      accuse("epoch_back", `Epoch ${message.epoch} wrote after ${newest.epoch}.`, [
        newest,
        message,
      ]);
    else newest = message;
  }
}

function checkUnique({ job, given }: Story, accuse: Accuse): void {
  const first = new Map<number, Given>();
  for (const one of given) {
    const before = first.get(one.attempt);
    const why = `Attempt ${one.attempt} went to ${before?.worker} and to ${one.worker}.`;
    if (before === undefined) first.set(one.attempt, one);
    else accuse("assigned_twice", why, [before, one], job);
  }
}

function checkOwners(story: Story, accuse: Accuse): void {
  for (const { entry, version } of stepsOf(story)) {
    const { attempt, worker } = entry;
    if (attempt === undefined || worker === undefined) continue;
    if (!story.given.some((one) => one.attempt === attempt && one.worker === worker))
      accuse(
        "foreign_owner",
        `${worker} ${entry.what} attempt ${attempt}.`,
        [entry, version],
        story.job,
      );
  }
}

/** The record that the assignment names must have waited for just this attempt, and its time must have come. */
function checkGround({ job, versions }: Story, given: Given, accuse: Accuse): void {
  const version = versions.find(({ seq }) => seq === given.seq);
  if (version === undefined) return;
  const { state, attempt, notBefore = 0 } = version.record;
  if (state !== "queued" || attempt + 1 !== given.attempt)
    accuse(
      "assigned_wrongly",
      `The record was ${state} at attempt ${attempt}.`,
      [given, version],
      job,
    );
  if (given.at < notBefore)
    accuse(
      "started_early",
      `It was assigned ${notBefore - given.at} ms early.`,
      [given, version],
      job,
    );
}

function checkFit(
  { workers }: World,
  { job, versions }: Story,
  given: Given,
  accuse: Accuse,
): void {
  const worker = workers.get(given.worker);
  const spec = versions[0]?.record.spec;
  if (worker === undefined || spec === undefined) return;
  const isPinned = spec.worker === undefined || [worker.name, worker.worker].includes(spec.worker);
  const fits = (spec.require ?? []).every((text) => matches(parseConstraint(text), worker.labels));
  if (!isPinned || !fits)
    accuse("misplaced", `${given.worker} does not fit.`, [given, worker, spec], job);
}

function checkAfterCancel(story: Story, cancel: CancelSeen, accuse: Accuse): void {
  const steps = stepsOf(story);
  // it may have done its work, and the job been revived, before its answer came
  const isDone = steps.some(
    ({ entry, storedAt }) =>
      entry.what === "cancelled" && storedAt >= cancel.askedAt && storedAt <= cancel.at,
  );
  if (isDone) return;
  const revivedAt = steps.find(
    ({ entry, storedAt }) => entry.what === "retried" && storedAt >= cancel.at,
  )?.storedAt;
  const late = story.given.find(
    ({ at }) => at > cancel.at + CANCEL_HEARD_MS && at < (revivedAt ?? Infinity),
  );
  if (late !== undefined)
    accuse(
      "assigned_after_cancel",
      `It came ${late.at - cancel.at} ms after.`,
      [cancel, late],
      story.job,
    );
}

/** "Already finished" must have been true at some moment before the answer. */
function checkRefusal({ job, versions }: Story, cancel: CancelSeen, accuse: Accuse): void {
  const wasFinal = versions.some(({ at, record }) => at <= cancel.at && isFinal(record.state));
  if (!wasFinal) accuse("cancel_refused", "No final record was stored by then.", [cancel], job);
}
