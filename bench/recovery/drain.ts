// A worker that is told to leave while it runs jobs: when it is gone, and what became of the jobs.
import { until } from "../../test/lab/until.ts";
import type { Fleet } from "./fleet.ts";

export type Leaving = {
  leftMs: number;
  /** Jobs that did not succeed in the end. */
  lost: number;
  /** Jobs that were handed back and ran again elsewhere. */
  handedBack: number;
};

const JOBS = 4;

/** Lets a worker with that drain time leave while it runs four jobs, whose first attempt takes so many seconds. */
export async function drainWorker(
  fleet: Fleet,
  drainTimeout: string,
  seconds: number,
): Promise<Leaving> {
  const leaving = await fleet.addWorker(`--drain-timeout=${drainTimeout}`, "--label=leaves=soon");
  const spec = {
    script: `[ "$MILLRACE_ATTEMPT" != 1 ] || sleep ${seconds}`,
    prefer: ["leaves=soon"],
  };
  const ids = await Promise.all(Array.from({ length: JOBS }, () => fleet.submit(spec)));
  const jobs = () => Promise.all(ids.map((id) => fleet.job(id)));
  const runsAll = async () =>
    (await jobs()).every(
      ({ worker, startedAt }) => worker === leaving.id && startedAt !== undefined,
    );
  await until(runsAll, "the worker to run all jobs");

  const toldAt = performance.now();
  await leaving.process.kill("SIGTERM");
  const leftMs = Math.round(performance.now() - toldAt);
  fleet.workers.splice(fleet.workers.indexOf(leaving), 1);
  const isOver = async () => (await jobs()).every(({ finishedAt }) => finishedAt !== undefined);
  await until(isOver, "all jobs to end", 60_000);
  const ended = await jobs();
  return {
    leftMs,
    lost: ended.filter(({ state }) => state !== "succeeded").length,
    handedBack: ended.filter(({ attempts }) => attempts.length > 1).length,
  };
}
