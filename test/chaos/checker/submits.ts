// Submits: what was accepted exists and ends, once per submit and once per idempotency key.
import { isFinal } from "../../../src/shared/job.ts";
import { lastRecord, stepsOf, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

export function checkSubmits(world: World, accuse: Accuse): void {
  checkAccepted(world, accuse);
  checkEnds(world, accuse);
  checkKeys(world, accuse);
  checkRefs(world, accuse);
  checkRetries(world, accuse);
}

function checkAccepted({ submits, stories }: World, accuse: Accuse): void {
  for (const submit of submits) {
    const { answer, job } = submit;
    if (answer !== "accepted" || job === undefined) continue;
    if ((stories.get(job)?.versions.length ?? 0) === 0)
      accuse("accepted_missing", `${submit.ref} was accepted as ${job}.`, [submit], job);
  }
}

function checkEnds({ stories }: World, accuse: Accuse): void {
  for (const story of stories.values()) {
    const last = story.versions.at(-1);
    if (last !== undefined && !story.removed && !isFinal(last.record.state))
      accuse(
        "not_final",
        `It is ${last.record.state} at attempt ${last.record.attempt}.`,
        [last, ...story.given.slice(-1), ...story.cancels],
        story.job,
      );
  }
}

/** A key and a job belong to each other alone. */
function checkKeys({ submits }: World, accuse: Accuse): void {
  const byKey = new Map<string, string>();
  const byJob = new Map<string, string>();
  for (const submit of submits) {
    const { key, job } = submit;
    if (key === undefined || job === undefined) continue;
    const [firstJob, firstKey] = [byKey.get(key) ?? job, byJob.get(job) ?? key];
    byKey.set(key, firstJob);
    byJob.set(job, firstKey);
    if (firstJob !== job)
      accuse("key_split", `Key ${key} is job ${firstJob} and job ${job}.`, [submit], job);
    if (firstKey !== key)
      accuse("key_shared", `Keys ${firstKey} and ${key} are job ${job}.`, [submit], job);
  }
}

/** The jobs themselves say which submit they come from, also when no answer did. */
function checkRefs({ stories }: World, accuse: Accuse): void {
  const byRef = new Map<string, string>();
  for (const story of stories.values()) {
    const ref = lastRecord(story)?.spec.labels?.["ref"];
    if (ref === undefined) continue;
    const first = byRef.get(ref) ?? story.job;
    byRef.set(ref, first);
    if (first !== story.job)
      accuse("submitted_twice", `${ref} is ${first} and ${story.job}.`, [], story.job);
  }
}

function checkRetries(world: World, accuse: Accuse): void {
  for (const story of world.stories.values()) {
    const asked = world
      .of("retry")
      .filter(({ job, answer }) => job === story.job && answer === "accepted");
    const done = stepsOf(story).filter(({ entry }) => entry.what === "retried");
    if (done.length < asked.length)
      accuse("retry_lost", `${asked.length} accepted, ${done.length} done.`, asked, story.job);
  }
}
