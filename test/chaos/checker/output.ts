// Output: what is stored of an attempt is a gap-free beginning of what it wrote, and all of it when its worker recorded the end.
import { CHANNELS, type Channel } from "../../../src/shared/chunk.ts";
import type { Attempt } from "../../../src/shared/job.ts";
import type { LineSeen, OutputSeen } from "./history.ts";
import { expectedOutput, sha256 } from "./sequence.ts";
import { lastRecord, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

/** One attempt with everything that is known of its output. */
type Case = { story: Story; attempt: Attempt; line: LineSeen; seen: OutputSeen };

export function checkOutput({ stories }: World, accuse: Accuse): void {
  for (const story of stories.values())
    for (const attempt of lastRecord(story)?.attempts ?? []) {
      const line = story.lines.findLast((one) => one.attempt === attempt.number);
      const seen = story.outputs.find((one) => one.attempt === attempt.number);
      if (line === undefined) continue;
      if (seen !== undefined) checkAttempt({ story, attempt, line, seen }, accuse);
      else if (isCommitted(attempt) && line.stdout + line.stderr > 0)
        accuse("output_missing", `Attempt ${attempt.number} wrote something.`, [line], story.job);
    }
}

/** Its worker recorded the end, which it does when the output is stored. */
const isCommitted = ({ outcome }: Attempt): boolean =>
  outcome !== undefined && outcome !== "worker_lost";

function checkAttempt(one: Case, accuse: Accuse): void {
  const { story, attempt, seen } = one;
  if (isCommitted(attempt) && !seen.complete)
    accuse(
      "output_incomplete",
      `Attempt ${attempt.number} has no closing.`,
      [attempt, seen],
      story.job,
    );
  for (const channel of CHANNELS) checkChannel(one, channel, accuse);
}

function checkChannel(
  { story, attempt, line, seen }: Case,
  channel: Channel,
  accuse: Accuse,
): void {
  const { bytes, dropped, misplaced, sha256: found } = seen.channels[channel];
  const evidence = [attempt, line, seen];
  const where = `Attempt ${attempt.number}, ${channel}`;
  if (dropped > 0 || misplaced > 0)
    return accuse(
      "output_gap",
      `${where}: ${dropped} bytes dropped, ${misplaced} chunks out of place.`,
      evidence,
      story.job,
    );
  const isWhole = line.what === "end";
  if (
    found !== sha256(expectedOutput(line.seed, channel, bytes)) ||
    (isWhole && bytes > line[channel])
  )
    return accuse("output_wrong", `${where}: ${bytes} bytes are stored.`, evidence, story.job);
  if (!isCommitted(attempt)) return;
  if (bytes < line[channel])
    accuse(
      "output_short",
      `${where}: ${bytes} of ${line[channel]} bytes are stored.`,
      evidence,
      story.job,
    );
  const counted = attempt.output?.[channel];
  if (counted !== undefined && counted !== bytes)
    accuse(
      "output_miscounted",
      `${where}: the record says ${counted}, the log ${bytes}.`,
      evidence,
      story.job,
    );
}
