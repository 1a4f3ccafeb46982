// A group does not wait for a job whose record is gone.
import { expect, it } from "vitest";

import { createGroupIndex } from "../../../../src/scheduler/groups/group-index.ts";
import { newJob } from "../../../../src/shared/job-machine.ts";
import type { JobState } from "../../../../src/shared/job.ts";

const GROUP = "k3v9x0q2m7c1w8z5b4n6";
const JOB = "0".repeat(20);
const member = (id: string, index: number) =>
  newJob(id, { command: ["true"] }, 1, { origin: { group: { id: GROUP, member: "m", index } } });

it.each<[JobState, JobState]>([
  ["queued", "failed"],
  ["running", "failed"],
  ["succeeded", "succeeded"],
  ["cancelled", "cancelled"],
])("a job that is gone while %s counts as %s", (shown, counted) => {
  const index = createGroupIndex();
  index.jobChanged(member("1".repeat(20), 1), 1, "queued");
  index.jobChanged(member(JOB, 0), 2, shown);
  index.jobGone(JOB);
  expect(index.child(GROUP, "m", 0)).toMatchObject({ job: JOB, state: counted });
  expect(index.child(GROUP, "m", 1)).toMatchObject({ state: "queued" });
});
