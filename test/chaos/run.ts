// One chaos run: a cluster, jobs and faults for a while, then peace, quiet, and everything that anybody saw.
import { setMaxListeners } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { JobRecord } from "../../src/shared/job.ts";
import { until } from "../lab/until.ts";
import { isReady, limitQueue, viewOf } from "./api.ts";
import type { History } from "./checker/history.ts";
import { startCluster } from "./cluster/cluster.ts";
import { awaitQuiet, collect, noteProcesses } from "./collect.ts";
import { injectFaults } from "./inject.ts";
import { openNotebook } from "./notebook.ts";
import { startObserver } from "./observer.ts";
import type { Options } from "./options.ts";
import { planFaults } from "./plan/faults.ts";
import { NARROW, planJobs } from "./plan/jobs.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

const READY_MS = 60_000;

export type Run = { history: History; dir: string };

/** `say` is told where the history goes and what is waited for. The directory with it and all logs stays. */
export async function runChaos(options: Options, say: (line: string) => void): Promise<Run> {
  const { seed, seconds, rate, brokers, schedulers, workers } = options;
  const dir = await mkdtemp(join(tmpdir(), "millrace-chaos-"));
  const journal = join(dir, "journal.jsonl");
  const notebook = openNotebook(join(dir, "history.jsonl"));
  const { note, history } = notebook;
  await writeFile(journal, "");
  note({ kind: "run", at: Date.now(), seed, seconds, rate, brokers, schedulers, workers });
  say(`seed ${seed}, history ${notebook.path}`);

  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // every planned job waits on it
  const interrupt = () => stop.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const cluster = await startCluster({ brokers, schedulers, workers, dir });
  const urls = cluster.schedulers.map(({ url }) => url);
  let traffic: Traffic | undefined;

  function onFinal(record: JobRecord): void {
    if (record.state === "cancelled" && record.attempts.length > 0)
      noteProcesses({ journal, note }, "cancelled", record.id);
    traffic?.onFinal(record);
  }

  async function leader(): Promise<string | undefined> {
    const views = await Promise.allSettled(urls.map(viewOf));
    const known = views.flatMap((view) => (view.status === "fulfilled" ? [view.value] : []));
    return known.find((view) => view.leader?.url !== undefined)?.leader?.url;
  }

  try {
    await until(
      async () => (await Promise.all(urls.map(isReady))).every(Boolean),
      "the schedulers to be ready",
      READY_MS,
    );
    const observer = await startObserver({ natsUrl: cluster.natsUrl, note, onFinal });
    try {
      await until(
        () => limitQueue(urls[0] as string, NARROW.queue, NARROW.maxRunning),
        "the queue's limit",
      );
      note({ kind: "queue", at: Date.now(), ...NARROW });
      say(`jobs and faults for ${seconds} s`);
      const plan = planJobs({ seed, seconds, rate, journal });
      traffic = startTraffic({ plan, urls, seed, note, signal: stop.signal });
      await injectFaults({
        plan: planFaults({ seed, seconds }),
        cluster,
        leader,
        note,
        signal: stop.signal,
      });
      say("everything is healed; callers finish");
      await traffic.done;
      const all = { cluster, observer, journal, history, note };
      say("waiting for quiet");
      await awaitQuiet(all);
      say("asking everybody");
      await collect(all);
    } finally {
      await observer.stop();
    }
    await cluster.stopPrograms();
    noteProcesses({ journal, note }, "stopped");
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await cluster.stop();
    await notebook.close();
  }
  return { history, dir };
}
