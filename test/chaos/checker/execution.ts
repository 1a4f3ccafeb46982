// Execution: what the jobs themselves noted, against what the record and the assignments say.
import type { Attempt } from "../../../src/shared/job.ts";
import { killedAt, wasBlind } from "./faults.ts";
import type { LineSeen } from "./history.ts";
import { endOf, lastRecord, passedOver, stepsOf, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

/** A job that is being killed may note one more line. */
const DYING_MS = 2_000;

export function checkExecution(world: World, accuse: Accuse): void {
  for (const story of world.stories.values()) {
    const starts = story.lines.filter(({ what }) => what === "start");
    checkStarts(story, starts, accuse);
    for (const start of starts) {
      checkOrder(story, start, accuse);
      checkOverlap(world, story, start, accuse);
      checkSilence(world, story, start, accuse);
    }
    for (const attempt of lastRecord(story)?.attempts ?? []) checkResult(story, attempt, accuse);
  }
}

function checkStarts({ job, given }: Story, starts: readonly LineSeen[], accuse: Accuse): void {
  const seen = new Map<number, LineSeen>();
  for (const start of starts) {
    const { attempt, worker } = start;
    const first = seen.get(attempt);
    if (first === undefined) seen.set(attempt, start);
    else accuse("ran_twice", `Attempt ${attempt} has two starts.`, [first, start], job);
    if (!given.some((one) => one.attempt === attempt && one.worker === worker))
      accuse("ran_unassigned", `${worker} started attempt ${attempt}.`, [start], job);
  }
}

function checkOrder(story: Story, start: LineSeen, accuse: Accuse): void {
  if (start.attempt === 1) return;
  const before = start.attempt - 1;
  const end = endOf(story, before) ?? passedOver(stepsOf(story)).get(before);
  if (end === undefined || start.at < end.storedAt)
    accuse(
      "started_before_end",
      `Attempt ${start.attempt} started ${end === undefined ? "and its predecessor never ended" : `${end.storedAt - start.at} ms before that`}.`,
      [start, ...(end === undefined ? [] : [end])],
      story.job,
    );
}

/** Only who cannot know that it lost an attempt may go on with it. */
function checkOverlap(world: World, story: Story, start: LineSeen, accuse: Accuse): void {
  const earlier = story.lines.filter(({ attempt, at }) => attempt < start.attempt && at > start.at);
  for (const line of earlier)
    if (!wasBlind(world, line.worker, firstLine(story, line.attempt)?.at ?? line.at, line.at))
      accuse("overlap", `Attempt ${line.attempt} still ran.`, [start, line], story.job);
}

function checkSilence(world: World, story: Story, start: LineSeen, accuse: Accuse): void {
  const { worker, attempt } = start;
  const last = story.lines.findLast((line) => line.attempt === attempt);
  if (last === undefined) return;
  const end = endOf(story, attempt);
  const excused = wasBlind(world, worker, start.at, last.at);
  if (end !== undefined && last.at > end.storedAt + DYING_MS && !excused)
    accuse(
      "ran_after_end",
      `It noted something ${last.at - end.storedAt} ms later.`,
      [end, last],
      story.job,
    );
  const deadAt = killedAt(world, worker);
  if (deadAt !== undefined && last.at > deadAt + DYING_MS)
    accuse(
      "outlived_worker",
      `It noted something ${last.at - deadAt} ms later.`,
      [last],
      story.job,
    );
}

function checkResult({ job, lines }: Story, attempt: Attempt, accuse: Accuse): void {
  if (attempt.outcome !== "exited") return;
  const end = lines.find((line) => line.attempt === attempt.number && line.what === "end");
  const why = `The record says ${attempt.exitCode}, the job ${end?.exitCode ?? "nothing"}.`;
  if (end?.exitCode !== attempt.exitCode)
    accuse("result_differs", why, [attempt, ...(end === undefined ? [] : [end])], job);
}

const firstLine = ({ lines }: Story, attempt: number): LineSeen | undefined =>
  lines.find((line) => line.attempt === attempt);
