// `kill -9` of a worker that runs a job: how long until the job runs elsewhere, and what of its output is gone.
import { setTimeout as delay } from "node:timers/promises";

import { until } from "../../test/lab/until.ts";
import type { Fleet } from "./fleet.ts";

export type WorkerDeath = { backMs: number; lostBytes: number };

// Every attempt notes its start; the first one writes for ever and notes how much it has written so far.
const WRITER = `#!/bin/bash
echo "start $MILLRACE_JOB_ID $MILLRACE_ATTEMPT $(date +%s%3N)" >> "$JOURNAL"
[ "$MILLRACE_ATTEMPT" = 1 ] || exit 0
printf -v line '%0999d' 7
for ((bytes = 1000; ; bytes += 1000)); do
  echo "$line" && echo "wrote $MILLRACE_JOB_ID $bytes" >> "$JOURNAL"
  sleep 0.01
done
`;
const HEARTBEAT_MS = 3_000;
const BACK_WITHIN_MS = 60_000;

/** Kills the job's worker at the given share of the time between two heartbeats, and starts another one. */
export async function killWorker(fleet: Fleet, phase: number): Promise<WorkerDeath> {
  const job = await fleet.submit(fleet.scriptOf(WRITER));
  await startOf(fleet, job, 1);
  await delay(1_000 + phase * HEARTBEAT_MS);
  const { worker } = await fleet.job(job);
  const victim = fleet.workers.find(({ id }) => id === worker);
  if (victim === undefined) throw new Error(`job ${job} is on ${worker}, which is not ours`);

  const killedAt = Date.now();
  await victim.process.kill("SIGKILL");
  fleet.workers.splice(fleet.workers.indexOf(victim), 1);
  await fleet.addWorker();

  const backMs = (await startOf(fleet, job, 2)) - killedAt;
  await until(async () => (await fleet.job(job)).state === "succeeded", `${job} to end`);
  const readable = (await fleet.output(job, 1)).length;
  const written = (await fleet.journal()).findLast(([what, id]) => what === "wrote" && id === job);
  return { backMs, lostBytes: Math.max(0, Number(written?.[2]) - readable) };
}

function startOf(fleet: Fleet, job: string, attempt: number): Promise<number> {
  const find = async () => {
    const lines = await fleet.journal();
    const start = lines.findLast(
      ([what, id, number]) => what === "start" && id === job && Number(number) === attempt,
    );
    return Number(start?.[3]);
  };
  return until(find, `attempt ${attempt} of ${job}`, BACK_WITHIN_MS);
}
