// How long it takes to look something up among many finished jobs: every order and every filter, over HTTP.
import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { connectBroker } from "../src/shared/io/broker.ts";
import { createJobStore } from "../src/shared/io/job-store.ts";
import { DEFINITION, finishedJob } from "./history/past.ts";
import { QUESTIONS, type Question } from "./history/questions.ts";
import { percentile, show } from "./lib/figures.ts";
import { open, readAll } from "./lib/http.ts";
import { getJson, startInstallation, until, type Installation } from "./lib/installation.ts";
import { inParallel } from "./lib/pace.ts";

const BOUND_MS = 50;
const AT_ONCE = 200;
const SLOWEST = 10;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "100000" },
    times: { type: "string", default: "20" },
    out: { type: "string", default: "bench/results/history.json" },
  },
});
const jobs = Number(values.jobs);
const times = Number(values.times);
if (!Number.isInteger(jobs) || !Number.isInteger(times) || jobs < 1 || times < 1)
  throw new Error("--jobs and --times must be whole numbers from 1 on");

/** Stores the past as schedulers and workers would have left it. */
async function fill({ nats, url }: Installation): Promise<void> {
  await using broker = await connectBroker({ url: nats, identity: "bench" });
  const store = createJobStore(broker);
  const now = Date.now();
  await inParallel(jobs, AT_ONCE, (n) => store.write(finishedJob(n, jobs, now), 0));
  const body = JSON.stringify({ spec: { command: ["true"] } });
  await readAll(await open(`${url}/v1/definitions/${DEFINITION}`, { method: "PUT", body }));
  await until(async () => {
    const { jobs: known } = (await getJson(url, "/v1/stats")) as { jobs: Record<string, number> };
    return Object.values(known).reduce((sum, count) => sum + count, 0) >= jobs;
  });
}

/** The path of the page that counts. */
async function pathOf(url: string, { path, pages = 0 }: Question): Promise<string> {
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const { next } = await getJson(url, cursor === undefined ? path : `${path}&cursor=${cursor}`);
    if (typeof next !== "string") break;
    cursor = next;
  }
  return cursor === undefined ? path : `${path}&cursor=${cursor}`;
}

async function measure({ url, cpuMs }: Installation, question: Question) {
  const asked = `${url}${await pathOf(url, question)}`;
  const samples: number[] = [];
  const before = await cpuMs();
  for (let time = 0; time < times; time += 1) {
    const began = performance.now();
    await readAll(await open(asked));
    samples.push(performance.now() - began);
  }
  const after = await cpuMs();
  const used = after.scheduler - before.scheduler + after.broker - before.broker;
  const { path, pages } = question;
  const what = pages === undefined ? path : `${path} (page ${pages + 1})`;
  return {
    what,
    cpuMs: used / times,
    p50Ms: percentile(samples, 0.5),
    p95Ms: percentile(samples, 0.95),
  };
}

const loadBefore = loadavg()[0] ?? 0;
await using installation = await startInstallation();
await fill(installation);
const rows = [];
for (const question of QUESTIONS) rows.push(await measure(installation, question));
const slowest = rows.toSorted((a, b) => b.p50Ms - a.p50Ms);
const within = rows.filter(({ p50Ms }) => p50Ms <= BOUND_MS).length;
const report = {
  at: new Date().toISOString(),
  processors: cpus().length,
  node: process.version,
  loadBefore,
  jobs,
  boundMs: BOUND_MS,
  questions: rows.length,
  within,
  rows: slowest,
};
await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
console.log(`${within} of ${rows.length} questions within ${BOUND_MS} ms (median of ${times})`);
for (const { what, cpuMs, p50Ms, p95Ms } of slowest.slice(0, SLOWEST))
  console.log(
    `${show(p50Ms).padStart(6)} ms, p95 ${show(p95Ms).padStart(6)} ms, CPU ${show(cpuMs).padStart(6)} ms  ${what}`,
  );
process.exitCode = within === rows.length ? 0 : 1;
