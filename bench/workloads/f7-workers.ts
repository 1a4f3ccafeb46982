// F7: a thousand registered workers against ten with as many slots together.
import { setTimeout as delay } from "node:timers/promises";

import { startBareCrowd } from "../lib/bare-crowd.ts";
import { startCrowd } from "../lib/crowd.ts";
import { microseconds, percentile } from "../lib/figures.ts";
import { startInstallation, type Installation } from "../lib/installation.ts";
import { inParallel, secondsOf } from "../lib/pace.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import { sharesOf, spentOn, type Spent, type Workload } from "../lib/workload.ts";

const SLOTS = 1_000;
const FEW = 10;
const MANY = 1_000;
const JOBS = 10_000;
const IN_FLIGHT = 200;
const LATENCIES = 500;
const IDLE_S = 5;
const SPEC = { handler: "noop" };

type Crew = {
  spent: Spent[];
  p99: number[];
  idleCores: number[];
  /** The same messages a second between bare connections, by jobs. */
  bare: number[];
};

export const workers: Workload = {
  key: "F7",
  title: "A thousand workers",
  durability:
    "record, assignment and result acknowledged by the broker (R1, file); heartbeats, too",
  async measure(bench) {
    await using installation = await startInstallation();
    await using submitter = await connectSubmitter(installation.nats);
    const jobs = bench.scaled(JOBS);
    const most = bench.scaled(MANY);
    const crews: Record<"few" | "many", Crew> = { few: newCrew(), many: newCrew() };

    async function look(workerCount: number, crew: Crew): Promise<void> {
      await using _crowd = await startCrowd(installation, workerCount, SLOTS / workerCount);
      const run = (count: number) => inParallel(count, IN_FLIGHT, () => submitter.run(SPEC));
      await run(jobs); // what has just begun compiles
      crew.spent.push(await spentOn(installation, () => run(jobs)));
      crew.p99.push(percentile(await starts(submitter, bench.scaled(LATENCIES)), 0.99));
      crew.idleCores.push(await brokerCoresWhenIdle(installation));
    }

    async function lookAtBare(connections: number, crew: Crew): Promise<void> {
      await using crowd = await startBareCrowd(installation, connections);
      const run = (count: number) => inParallel(count, IN_FLIGHT, () => crowd.run());
      await run(jobs); // what has just begun compiles
      crew.bare.push(jobs / (await secondsOf(() => run(jobs))));
    }

    for (let round = 0; round < bench.rounds; round += 1) {
      await look(FEW, crews.few);
      await look(most, crews.many);
      await lookAtBare(FEW, crews.few);
      await lookAtBare(most, crews.many);
    }
    const { few, many } = crews;
    return {
      figures: [
        {
          what: `no-op jobs placed and done by ${most} workers, ${IN_FLIGHT} in flight`,
          unit: "jobs/s",
          better: "higher",
          samples: many.spent.map(({ seconds }) => jobs / seconds),
          floor: {
            what: `by ${FEW} workers with as many slots`,
            samples: few.spent.map(({ seconds }) => jobs / seconds),
          },
          target: { of: "ratio", limit: 0.8 },
          cpuMsPerJob: many.spent.map(({ cpuMs }) => cpuMs / jobs),
          cpuMsPerJobBy: sharesOf(many.spent, jobs),
        },
        {
          what: `the same messages between bare connections, ${most} of them`,
          unit: "jobs/s",
          better: "higher",
          samples: many.bare,
          floor: { what: `${FEW} connections`, samples: few.bare },
        },
        {
          what: `submit → start with ${most} workers, p99`,
          unit: "ms",
          better: "lower",
          samples: many.p99,
          floor: { what: `with ${FEW} workers`, samples: few.p99 },
          target: { of: "ratio", limit: 2 },
        },
        {
          what: `broker's CPU for the heartbeats of ${most} workers`,
          unit: "% of a core",
          better: "lower",
          samples: many.idleCores.map((cores) => cores * 100),
          target: { of: "value", limit: 10 },
        },
      ],
    };
  },
};

const newCrew = (): Crew => ({ spent: [], p99: [], idleCores: [], bare: [] });

async function starts(submitter: Submitter, count: number): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let job = 0; job < count; job += 1) {
    const from = microseconds();
    const { result } = await submitter.run(SPEC);
    milliseconds.push((Number(result) - from) / 1_000);
  }
  return milliseconds;
}

async function brokerCoresWhenIdle(installation: Installation): Promise<number> {
  const { by, seconds } = await spentOn(installation, () => delay(IDLE_S * 1_000));
  return by.broker / 1_000 / seconds;
}
