// F10: how it grows: jobs a second and CPU per job by jobs in flight, by backlog, by number of workers.
import { setTimeout as delay } from "node:timers/promises";

import { startCrowd } from "../lib/crowd.ts";
import { median } from "../lib/figures.ts";
import { startInstallation } from "../lib/installation.ts";
import { inParallel } from "../lib/pace.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import { spentOn, type Bench, type Curve, type Figure, type Workload } from "../lib/workload.ts";

const IN_FLIGHT = [
  { at: 1, jobs: 500 },
  { at: 10, jobs: 4_000 },
  { at: 100, jobs: 10_000 },
  { at: 1_000, jobs: 10_000 },
] as const;
const BACKLOGS = [0, 10_000, 100_000];
const HUGE_BACKLOG = 1_000_000;
const MOST_WORKERS = 1_000;
const WORKERS = [1, 10, 100, MOST_WORKERS];
const SLOTS = 1_000;
const BUSY = 100;
const BUSY_SLOTS = 50;
const JOBS = 5_000;
const FILLING = 1_000;
const IDLE_MS = 4_000;
const WAITING = { handler: "noop", priority: 1 };
const SPEC = { handler: "noop", priority: 9 };

type Point = {
  at: number;
  rates: number[];
  cpuMs: number[];
  /** CPU milliseconds a second of doing nothing. */
  idleCpuMs: number;
};

export const growth: Workload = {
  key: "F10",
  title: "How it grows",
  durability: "record, assignment and result acknowledged by the broker (R1, file)",
  async measure(bench) {
    const flights = await byFlight(bench);
    const backlogs = await byBacklog(bench);
    const crowds = await byWorkers(bench);
    const queued = { points: backlogs, from: 0, of: "queued" };
    const flying = { points: flights, from: 2, of: "in flight" };
    const registered = { points: crowds, from: 0, of: "workers" };
    return {
      figures: [
        compare(queued, rate),
        compare(queued, cost),
        compare(flying, rate),
        compare(flying, cost),
        compare(registered, rate),
        compare(registered, costOfJobsAlone),
      ],
      curves: [
        curveOf("throughput", flying, [rate]),
        curveOf("cost-in-flight", flying, [cost]),
        curveOf("cost-backlog", queued, [cost]),
        curveOf("throughput-workers", registered, [rate]),
        curveOf("cost-workers", registered, [cost, costOfJobsAlone]),
      ],
    };
  },
};

/** What is compared at each point. */
type Measure = {
  name: string;
  unit: string;
  better: Figure["better"];
  limit: number;
  of(point: Point): number[];
};

const rate: Measure = {
  name: "jobs/s",
  unit: "jobs/s",
  better: "higher",
  limit: 0.8,
  of: ({ rates }) => rates,
};
const cost: Measure = {
  name: "CPU per job",
  unit: "CPU ms/job",
  better: "lower",
  limit: 1.25,
  of: ({ cpuMs }) => cpuMs,
};
/** Heartbeats cost the same with and without jobs. */
const costOfJobsAlone: Measure = {
  ...cost,
  name: "CPU per job, heartbeats apart",
  of: ({ cpuMs, rates, idleCpuMs }) => cpuMs.map((ms, index) => ms - idleCpuMs / rates[index]!),
};

type Series = { points: readonly Point[]; from: number; of: string };

async function byFlight(bench: Bench): Promise<Point[]> {
  await using installation = await startInstallation();
  await installation.addWorker(SLOTS);
  await using submitter = await connectSubmitter(installation.nats);
  await loop(submitter, bench.scaled(5_000), BUSY);
  const points = IN_FLIGHT.map(({ at, jobs }) => ({ ...newPoint(at), jobs: bench.scaled(jobs) }));
  for (let round = 0; round < bench.rounds; round += 1)
    for (const point of points) {
      const act = () => loop(submitter, point.jobs, point.at);
      const { seconds, cpuMs } = await spentOn(installation, act);
      point.rates.push(point.jobs / seconds);
      point.cpuMs.push(cpuMs / point.jobs);
    }
  return points;
}

/** Urgent jobs keep the worker busy, so that those behind them stay where they are; whatever ends is counted. */
async function byBacklog(bench: Bench): Promise<Point[]> {
  const points = BACKLOGS.concat(bench.huge ? HUGE_BACKLOG : []).map((at) =>
    newPoint(bench.scaled(at)),
  );
  await using installation = await startInstallation();
  await using submitter = await connectSubmitter(installation.nats);
  const jobs = bench.scaled(JOBS);
  let queued = 0;
  for (const point of points) {
    const missing = point.at - queued;
    await inParallel(missing, FILLING, () => submitter.leave(WAITING));
    const endedBefore = submitter.ended;
    const worker = await installation.addWorker(BUSY_SLOTS);
    await loop(submitter, Math.min(jobs, 2_000), BUSY);
    for (let round = 0; round < bench.rounds; round += 1) {
      const from = submitter.ended;
      const { seconds, cpuMs } = await spentOn(installation, () => loop(submitter, jobs, BUSY));
      const ended = submitter.ended - from;
      point.rates.push(ended / seconds);
      point.cpuMs.push(cpuMs / ended);
    }
    await worker.end();
    const own = Math.min(jobs, 2_000) + bench.rounds * jobs;
    queued = Math.max(0, point.at - (submitter.ended - endedBefore - own));
  }
  return points;
}

async function byWorkers(bench: Bench): Promise<Point[]> {
  await using installation = await startInstallation();
  await using submitter = await connectSubmitter(installation.nats);
  const jobs = bench.scaled(JOBS);
  const points = WORKERS.filter((count) => count <= bench.scaled(MOST_WORKERS)).map(newPoint);
  for (const point of points) {
    await using _crowd = await startCrowd(installation, point.at, SLOTS / point.at);
    await loop(submitter, Math.min(jobs, 2_000), BUSY);
    const idle = await spentOn(installation, () => delay(IDLE_MS));
    point.idleCpuMs = idle.cpuMs / idle.seconds;
    for (let round = 0; round < bench.rounds; round += 1) {
      const { seconds, cpuMs } = await spentOn(installation, () => loop(submitter, jobs, BUSY));
      point.rates.push(jobs / seconds);
      point.cpuMs.push(cpuMs / jobs);
    }
  }
  return points;
}

const loop = (submitter: Submitter, jobs: number, inFlight: number): Promise<void> =>
  inParallel(jobs, inFlight, () => submitter.run(SPEC));

const newPoint = (at: number): Point => ({ at, rates: [], cpuMs: [], idleCpuMs: 0 });

/** The largest point beside a smaller one. */
function compare({ points, from, of }: Series, measure: Measure): Figure {
  const [small, large] = [points[from]!, points.at(-1)!];
  const nameOf = ({ at }: Point) =>
    `${at.toLocaleString("en-US")} ${at === 1 ? of.replace(/s$/, "") : of}`;
  return {
    what: `${measure.name} with ${nameOf(large)}`,
    unit: measure.unit,
    better: measure.better,
    samples: measure.of(large),
    floor: { what: `with ${nameOf(small)}`, samples: measure.of(small) },
    target: { of: "ratio", limit: measure.limit },
    cpuMsPerJob: large.cpuMs,
  };
}

const curveOf = (name: string, { points, of }: Series, measures: readonly Measure[]): Curve => ({
  name,
  title: `${measures[0]!.name} by ${of}`,
  x: of,
  y: measures[0]!.unit,
  scale: { x: "even", y: "linear" },
  lines: measures.map((measure) => ({
    name: measure.name,
    points: points.map((point) => [point.at, median(measure.of(point))] as const),
  })),
});
