// F6: what a long queue costs: submissions, the start of an urgent job, memory, and the death of the leader.
import { setTimeout as delay } from "node:timers/promises";

import { microseconds, percentile } from "../lib/figures.ts";
import {
  getJson,
  startInstallation,
  type Installation,
  type Scheduler,
} from "../lib/installation.ts";
import { inParallel } from "../lib/pace.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";
import { pathIn } from "../lib/program.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import { spentOn, type Figure, type Spent, type Workload } from "../lib/workload.ts";

const BACKLOG = 200_000;
const HUGE_BACKLOG = 1_000_000;
const SAMPLE = 5_000;
const IN_FLIGHT = 50;
const FILLING = 1_000;
/** Of the backlog, until what the leader keeps of a limited size is full. */
const FIXED_SHARE = 0.75;
const URGENT = 200;
const URGENT_EVERY_MS = 20;
const QUEUED = { handler: "pause", input: 5, priority: 1 };
const MEASURABLE = ["--expose-gc", "--import", pathIn("lib/collect-garbage.mjs")];

export const backlog: Workload = {
  key: "F6",
  title: "A long queue",
  durability:
    "every queued job acknowledged by the broker (R1, file); a new leader reads them back from there",
  async measure(bench) {
    const jobs = bench.huge ? HUGE_BACKLOG : bench.scaled(BACKLOG);
    await using installation = await startInstallation(MEASURABLE);
    const reader = installation.schedulers[0]!;
    await installation.addScheduler(); // stands by, and reads everything, too
    await using submitter = await connectSubmitter(installation.nats);
    const submit = (count: number, width: number) =>
      inParallel(count, width, () => submitter.leave(QUEUED));
    const sample = () => spentOn(installation, () => submit(SAMPLE, IN_FLIGHT));

    await submit(SAMPLE, IN_FLIGHT);
    const empty: Spent[] = [];
    for (let round = 0; round < bench.rounds; round += 1) empty.push(await sample());
    const missing = Math.max(0, jobs - bench.rounds * SAMPLE);
    bench.note(`F6 queues ${missing} jobs`);
    const further = Math.round(missing * (1 - FIXED_SHARE));
    await submit(missing - further, FILLING);
    const before = await heldBy(reader);
    await submit(further, FILLING);
    const after = await heldBy(reader);
    const full: Spent[] = [];
    for (let round = 0; round < bench.rounds; round += 1) full.push(await sample());
    const queued = SAMPLE + missing + 2 * bench.rounds * SAMPLE;

    await installation.addWorker(10);
    await delay(1_000); // the worker is busy from now on
    const urgent: number[][] = [];
    const takenOverS: number[] = [];
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      urgent.push(await urgentStarts(submitter, bench.scaled(URGENT)));
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W6", false));
    }
    for (let round = 0; round < bench.rounds; round += 1) {
      takenOverS.push(await takeOver(await leaderOf(installation), submitter));
      await installation.addScheduler();
    }

    const many = `${queued.toLocaleString("en-US")} queued`;
    const rateOf = (spent: readonly Spent[]) => spent.map(({ seconds }) => SAMPLE / seconds);
    const start = (p: 0.5 | 0.99, limit: number): Figure => ({
      what: `submit → start of a priority-9 job, ${many}, worker busy, p${p * 100}`,
      unit: "ms",
      better: "lower",
      samples: urgent.map((starts) => percentile(starts, p)),
      floor: bench.peers && {
        what: `BullMQ behind ${bench.scaled(BACKLOG).toLocaleString("en-US")}`,
        samples: peers.map((round) => figureOf(round, "with 5 ms jobs", `p${p * 100}_ms`)),
      },
      target: { of: "value", limit },
    });
    return {
      figures: [
        {
          what: `submissions with ${many}`,
          unit: "jobs/s",
          better: "higher",
          samples: rateOf(full),
          floor: { what: "with none queued", samples: rateOf(empty) },
          target: { of: "ratio", limit: 0.8 },
          cpuMsPerJob: full.map(({ cpuMs }) => cpuMs / SAMPLE),
        },
        start(0.5, 2),
        start(0.99, 12),
        {
          what: "memory of the leader for each further job",
          unit: "B",
          better: "lower",
          samples: [(after.heldBytes - before.heldBytes) / further],
          target: { of: "value", limit: 400 },
        },
        {
          what: "all memory that the leader holds",
          unit: "MB",
          better: "lower",
          samples: [after.heldBytes / 1e6],
        },
        {
          what: "kill -9 of the leader → the next one starts a job",
          unit: "s",
          better: "lower",
          samples: takenOverS,
          target: { of: "value", limit: 10 },
        },
      ],
    };
  },
};

type Memory = { heldBytes: number; residentBytes: number };

async function heldBy(scheduler: Scheduler): Promise<Memory> {
  await delay(500); // what is under way arrives
  process.kill(scheduler.pid, "SIGUSR2");
  return (await scheduler.nextLine()) as Memory;
}

async function urgentStarts(submitter: Submitter, count: number): Promise<number[]> {
  const starts: number[] = [];
  for (let job = 0; job < count; job += 1) {
    const from = microseconds();
    const { result } = await submitter.run({ handler: "noop", priority: 9 });
    starts.push((Number(result) - from) / 1_000);
    await delay(Math.random() * URGENT_EVERY_MS);
  }
  return starts;
}

async function leaderOf({ schedulers }: Installation): Promise<Scheduler> {
  const newest = schedulers.at(-1)!;
  const { leader } = await getJson(newest.url, "/v1/stats");
  return schedulers.find(({ url }) => url === (leader as { url: string }).url)!;
}

/** Seconds from the leader's death to the start of a job that was submitted at that instant. */
async function takeOver(leader: Scheduler, submitter: Submitter): Promise<number> {
  const from = microseconds();
  await leader.end("SIGKILL");
  const { result } = await submitter.run({ handler: "noop", priority: 9 });
  return (Number(result) - from) / 1e6;
}
