// In a calm and idle system nothing waits for a sweep: whoever does is victim of a lost wake-up.
import { ANYBODY } from "../../src/scheduler/auth/caller.ts";
import { isFinal, type JobState } from "../../src/shared/job.ts";
import type { JobSpec } from "../../src/shared/spec.ts";
import type { Crew } from "./crew.ts";
import { CAPPED } from "./scenario.ts";
import type { Finding } from "./simulate.ts";
import type { Stage } from "./stage.ts";
import { HANDLER, type Work } from "./worker-station.ts";

type Probe = { what: string; spec: JobSpec; count: number; cancelMs?: number; withinMs: number };

const SHORT: Work = { ms: 10, fails: 0, deafMs: 0, lines: 0 };
/** Every message takes 2 ms at most; the sweeps come each second. */
const SLACK_MS = 250;
const LOOK_MS = 5;

export async function checkPromptness(stage: Stage, crew: Crew): Promise<Finding[]> {
  const findings: Finding[] = [];
  const slots = crew.workers().reduce((sum, { plan }) => sum + plan.slots, 0);
  const short = { handler: HANDLER, input: SHORT };
  const long = { handler: HANDLER, input: { ...SHORT, ms: 60_000 } };
  const probes: Probe[] = [
    { what: "more jobs than slots", spec: short, count: 2 * slots + 1, withinMs: SLACK_MS },
    {
      what: "a queue at its limit",
      spec: { ...short, queue: CAPPED.queue },
      count: CAPPED.maxRunning + 1,
      withinMs: SLACK_MS,
    },
    {
      what: "a delayed job",
      spec: { ...short, delay: "100ms" },
      count: 1,
      withinMs: 100 + SLACK_MS,
    },
    {
      what: "a failed try",
      spec: {
        ...short,
        input: { ...SHORT, fails: 1 },
        retry: { attempts: 2, backoff: { initial: "100ms", jitter: 0 } },
      },
      count: 1,
      withinMs: 100 + SLACK_MS,
    },
    { what: "a cancelled job", spec: long, count: 1, cancelMs: 50, withinMs: 50 + SLACK_MS },
  ];
  for (const probe of probes) {
    const late = await lateness(stage, crew, probe);
    if (late !== undefined)
      findings.push({ invariant: "lost_wake_up", why: `${probe.what}: ${late}` });
  }
  return findings;
}

/** What is not over in time. */
async function lateness(stage: Stage, crew: Crew, probe: Probe): Promise<string | undefined> {
  const { world, chronicle, random } = stage;
  const jobs: string[] = [];
  const scheduler = random.pick(crew.schedulers());
  for (let count = 0; count < probe.count; count += 1)
    scheduler.enter(() => {
      void scheduler.submit(probe.spec, ANYBODY).then(({ record }) => {
        jobs.push(record.id);
        if (probe.cancelMs !== undefined)
          setTimeout(
            () => void scheduler.actions.cancel(record.id, "Probed.", ANYBODY.name),
            probe.cancelMs,
          );
      });
    });
  const isOver = () =>
    jobs.length === probe.count &&
    jobs.every((job) => isFinal((chronicle.states.get(job) ?? "queued") as JobState));
  const end = world.now + probe.withinMs;
  while (world.now < end && !isOver()) await world.runUntil(world.now + LOOK_MS);
  if (isOver()) return undefined;
  return jobs.map((job) => `${job} ${chronicle.states.get(job)}`).join(", ");
}
