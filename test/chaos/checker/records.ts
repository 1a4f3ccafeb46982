// Records: every version is the one before it plus legal steps, and attempts follow each other one by one.
import {
  isFinal,
  JOB_MOVES,
  type JobRecord,
  type JobState,
  type TimelineEntry,
} from "../../../src/shared/job.ts";
import { MAX_LOSSES } from "../../../src/shared/retry.ts";
import { isForGood, lossesOf } from "./faults.ts";
import { lastRecord, passedOver, stepsOf, type Step, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

/** Silence and judgement, where the worker came back. */
const LOSS_AFTER_MS = 40_000;

export function checkRecords(world: World, accuse: Accuse): void {
  for (const story of world.stories.values()) {
    if (story.versions.length === 0) continue;
    checkLineage(story, accuse);
    const steps = stepsOf(story);
    checkMoves(story, steps, accuse);
    checkAttempts(story, steps, accuse);
    checkLimits(story, steps, accuse);
    checkLosses(world, story, steps, accuse);
  }
}

/** A version that forgot a step of the one before was not decided on that one. */
function checkLineage({ job, versions }: Story, accuse: Accuse): void {
  for (const [i, next] of versions.entries()) {
    const { timeline, state } = next.record;
    if (state !== timeline.at(-1)?.state)
      accuse("illegal_move", `It is ${state}, which its timeline does not tell.`, [next], job);
    const before = versions[i - 1];
    if (before === undefined || buildsOn(before.record, next.record)) continue;
    const why = `The version at ${next.seq} forgets what the one at ${before.seq} tells.`;
    const was = isFinal(before.record.state) ? "changed_after_final" : "history_rewritten";
    accuse(was, why, [before, next], job);
  }
}

const buildsOn = ({ timeline: before }: JobRecord, { timeline }: JobRecord): boolean =>
  timeline.length > before.length &&
  before.every((entry, i) => JSON.stringify(entry) === JSON.stringify(timeline[i]));

function checkMoves({ job }: Story, steps: readonly Step[], accuse: Accuse): void {
  let from: JobState | undefined;
  for (const { entry, version } of steps) {
    const why = `It went from ${from ?? "nothing"} to ${entry.state} by ${entry.what}.`;
    if (from !== undefined && isFinal(from) && entry.what !== "retried")
      accuse("changed_after_final", why, [entry, version], job);
    else if (!isLegal(from, entry)) accuse("illegal_move", why, [entry, version], job);
    from = entry.state;
  }
}

function isLegal(from: JobState | undefined, { what, state }: TimelineEntry): boolean {
  if (from === undefined) return what === "submitted" && state === "queued";
  return (JOB_MOVES[from] as readonly JobState[]).includes(state);
}
/** Walks the attempts as the record tells them: each begins and ends once, one after the other. */
function checkAttempts({ job }: Story, steps: readonly Step[], accuse: Accuse): void {
  const passed = passedOver(steps);
  let newest = 0;
  let open = false;
  for (const { entry, version } of steps) {
    const { attempt, what } = entry;
    if (attempt === undefined) continue;
    let next = newest + 1;
    while (passed.has(next)) next += 1;
    const evidence = [entry, version];
    const isOwnEnd = what !== "started" && open && attempt === newest;
    if (!isOwnEnd && attempt <= newest)
      accuse(
        "committed_twice",
        `Attempt ${attempt} was ${what} although it had ended.`,
        evidence,
        job,
      );
    else if (!isOwnEnd && open)
      accuse(
        "attempt_overtook",
        `Attempt ${attempt} was ${what} while ${newest} was open.`,
        evidence,
        job,
      );
    else if (!isOwnEnd && attempt !== next)
      accuse("attempt_skipped", `Attempt ${attempt} came after ${newest}.`, evidence, job);
    newest = Math.max(newest, attempt);
    open = what === "started";
  }
}

function checkLimits(story: Story, steps: readonly Step[], accuse: Accuse): void {
  const spec = lastRecord(story)?.spec;
  let failures = 0;
  let losses = 0;
  for (const { entry, version } of steps) {
    if (entry.what === "retried") [failures, losses] = [0, 0];
    if (isFailure(entry, version.record)) failures += 1;
    if (entry.what === "lost") losses += 1;
    const why = `It had ${failures} failures and ${losses} losses in one series.`;
    if (failures > (spec?.retry?.attempts ?? 1) || losses > MAX_LOSSES)
      accuse("attempts_exceeded", why, [entry, version], story.job);
  }
}

function isFailure(entry: TimelineEntry, { attempts }: JobRecord): boolean {
  const outcome = attempts.find(({ number }) => number === entry.attempt)?.outcome;
  return entry.what === "finished" && entry.state !== "succeeded" && outcome !== "cancelled";
}

function checkLosses(world: World, { job }: Story, steps: readonly Step[], accuse: Accuse): void {
  for (const { entry, version } of steps) {
    const { worker = "", at } = entry;
    const minds = version.record.spec.stopOnDisconnect !== undefined;
    if (entry.what !== "lost") continue;
    const known = lossesOf(world, worker, minds).some(
      (fault) => fault.at <= at && (isForGood(fault) || fault.until >= at - LOSS_AFTER_MS),
    );
    if (!known)
      accuse("unexplained_loss", `${worker}: ${entry.reason ?? ""}`, [entry, version], job);
  }
}
