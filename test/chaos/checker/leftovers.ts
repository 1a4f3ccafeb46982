// Leftovers: at the end no process, no slot, no worker and no job is other than it should be.
import { JOB_STATES, type JobState } from "../../../src/shared/job.ts";
import { wasBlind } from "./faults.ts";
import type { ProcessSeen, SchedulerSeen } from "./history.ts";
import { endOf, lastRecord, type Story, type World } from "./story.ts";
import type { Accuse } from "./violation.ts";

export function checkLeftovers(world: World, accuse: Accuse): void {
  for (const story of world.stories.values())
    for (const seen of story.processes) checkProcess(world, story, seen, accuse);
  const alive = new Set(world.of("alive").flatMap(({ workers }) => workers));
  const jobs = countStates(world);
  for (const seen of world.of("scheduler")) {
    checkWorkers(seen, alive, accuse);
    checkCounts(seen, jobs, accuse);
  }
}

function checkProcess(world: World, story: Story, seen: ProcessSeen, accuse: Accuse): void {
  const what = `${seen.command} (${seen.pid}) of attempt ${seen.attempt}`;
  if (seen.when !== "cancelled") return accuse("orphan", `${what} was left.`, [seen], story.job);
  const end = endOf(story, seen.attempt)?.entry;
  // a worker that nobody can reach does not hear of the cancel
  if (end?.worker !== undefined && wasBlind(world, end.worker, end.at - 60_000, seen.at)) return;
  accuse("cancelled_running", `${what} was there.`, [seen, ...(end ? [end] : [])], story.job);
}

function checkWorkers(seen: SchedulerSeen, alive: ReadonlySet<string>, accuse: Accuse): void {
  const { scheduler, workers } = seen;
  for (const view of workers) {
    const { worker, used, running } = view;
    if (!alive.has(worker)) accuse("worker_undead", `${scheduler} lists ${worker}.`, [view]);
    if (used !== 0 || running.length > 0)
      accuse("slot_leaked", `${scheduler}: ${worker} uses ${used} slots.`, [view]);
  }
  for (const worker of alive)
    if (workers.find((view) => view.worker === worker)?.status !== "ready")
      accuse("worker_forgotten", `${scheduler} does not show ${worker} as ready.`, [seen]);
}

function checkCounts(seen: SchedulerSeen, jobs: Record<JobState, number>, accuse: Accuse): void {
  for (const state of JOB_STATES)
    if (seen.jobs[state] !== jobs[state])
      accuse(
        "schedulers_disagree",
        `${seen.scheduler} counts ${seen.jobs[state]} ${state} jobs, the records are ${jobs[state]}.`,
        [seen],
      );
}

function countStates({ stories }: World): Record<JobState, number> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<
    JobState,
    number
  >;
  for (const story of stories.values()) {
    const state = story.removed ? undefined : lastRecord(story)?.state;
    if (state !== undefined) counts[state] += 1;
  }
  return counts;
}
