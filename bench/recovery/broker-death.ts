// `kill -9` of the broker: how long after its port is open again until the API takes a job.
import { setTimeout as delay } from "node:timers/promises";

import { ask, type JobView } from "../../test/lab/api.ts";
import { until } from "../../test/lab/until.ts";
import type { Fleet } from "./fleet.ts";

export type BrokerDeath = { answersMs: number; endsMs: number };

/**
 * Milliseconds from the open port until every scheduler takes a job, and until the last of these jobs has ended.
 * The broker is away for `downMs`.
 */
export async function killBroker(fleet: Fleet, downMs: number): Promise<BrokerDeath> {
  await fleet.broker.kill();
  await delay(downMs);
  await fleet.broker.restart();
  const listeningAt = performance.now();
  const since = () => Math.round(performance.now() - listeningAt);
  const jobs = await Promise.all(
    fleet.schedulers.map(({ id }) => until(() => taken(id), `${id} to take a job`, 60_000)),
  );
  const answersMs = since();
  for (const job of jobs)
    await until(async () => (await fleet.job(job)).state === "succeeded", `${job} to end`, 60_000);
  return { answersMs, endsMs: since() };
}

/** The job's id, when the scheduler took it. */
async function taken(url: string): Promise<string | undefined> {
  const { status, body } = await ask<JobView>(`${url}/v1/jobs`, "POST", { command: ["true"] });
  return status === 202 ? body.id : undefined;
}
