// F1: no-op handler jobs by a TypeScript client straight over NATS, one by one and in bulk.
import { connect } from "../../src/client/connect.ts";
import type { Millrace } from "../../src/client/millrace.ts";
import { startInstallation } from "../lib/installation.ts";
import { startFloor, type FloorClient } from "../lib/messages-floor.ts";
import { inParallel, submitAll } from "../lib/pace.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import {
  sharesOf,
  spentOn,
  type Bench,
  type Figure,
  type Spent,
  type Workload,
} from "../lib/workload.ts";

const JOBS = 20_000;
const IN_FLIGHT = 50;
const SLOTS = 50;
const BULK = 1_000;
const SPEC = { handler: "noop" };

const oneByOne = (submitter: Submitter, jobs: number): Promise<void> =>
  submitAll(jobs, IN_FLIGHT, () => submitter.submit(SPEC));

const messagesAlone = (floor: FloorClient, jobs: number): Promise<void> =>
  submitAll(jobs, IN_FLIGHT, () => floor.submit());

/** A thousand at once, then the next thousand when they are stored. */
async function inBulk(submitter: Submitter, jobs: number): Promise<void> {
  const ends: Promise<unknown>[] = [];
  for (let done = 0; done < jobs; done += BULK)
    await inParallel(Math.min(BULK, jobs - done), BULK, async () =>
      ends.push((await submitter.submit(SPEC)).ended),
    );
  await Promise.all(ends);
}

/** No more than so many jobs anywhere between their submission and their result. */
const closedLoop = (submitter: Submitter, jobs: number): Promise<void> =>
  inParallel(jobs, IN_FLIGHT, () => submitter.run(SPEC));

/** The same by the library that programs use: its submits go through a scheduler, which checks them. */
const byLibrary = (millrace: Millrace, jobs: number): Promise<void> =>
  inParallel(jobs, IN_FLIGHT, () => millrace.run(SPEC.handler, undefined));

type Way = "oneByOne" | "inBulk" | "closedLoop" | "byLibrary" | "messagesAlone";

export const handlers: Workload = {
  key: "F1",
  title: "No-op handler jobs, results known to the submitter",
  durability:
    "record, assignment and result acknowledged by the broker (R1, file): survives kill -9 of every process",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(SLOTS);
    await using submitter = await connectSubmitter(installation.nats);
    await using millrace = await connect({ url: installation.url, nats: installation.nats });
    await using floor = await startFloor(installation);
    const jobs = bench.scaled(JOBS);
    const ways: Record<Way, (count: number) => Promise<void>> = {
      oneByOne: (count) => oneByOne(submitter, count),
      inBulk: (count) => inBulk(submitter, count),
      closedLoop: (count) => closedLoop(submitter, count),
      byLibrary: (count) => byLibrary(millrace, count),
      messagesAlone: (count) => messagesAlone(floor, count),
    };
    // warm: code is compiled, files are open
    await ways.oneByOne(Math.min(jobs, 5_000));
    await ways.byLibrary(Math.min(jobs, 1_000));

    await ways.messagesAlone(Math.min(jobs, 5_000));

    const spent: Record<Way, Spent[]> = {
      oneByOne: [],
      inBulk: [],
      closedLoop: [],
      byLibrary: [],
      messagesAlone: [],
    };
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const way of Object.keys(ways) as Way[])
        spent[way].push(await spentOn(installation, () => ways[way](jobs)));
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W1", true));
    }

    const figure = (way: Way, what: string, peerCase: string, limit: number): Figure => ({
      what,
      unit: "jobs/s",
      better: "higher",
      samples: spent[way].map(({ seconds }) => jobs / seconds),
      floor: floorOf(bench, peers, peerCase, "per_s"),
      target: { of: "ratio", limit },
      cpuMsPerJob: spent[way].map(({ cpuMs }) => cpuMs / jobs),
      cpuMsPerJobBy: sharesOf(spent[way], jobs),
    });
    const cpu = (way: Way, what: string, peerCase: string): Figure => ({
      what,
      unit: "CPU ms/job",
      better: "lower",
      samples: spent[way].map(({ cpuMs }) => cpuMs / jobs),
      floor: floorOf(bench, peers, peerCase, "cpu_ms_per_job"),
      target: { of: "ratio", limit: 0.5 },
    });
    const alone = {
      what: "its messages alone, without a job",
      samples: spent.messagesAlone.map(({ cpuMs }) => cpuMs / jobs),
    };
    const single = "enqueue+drain, single, 50 in flight, concurrency 50";
    const bulk = "enqueue+drain, bulk 1000, concurrency 50";
    return {
      figures: [
        figure("oneByOne", "no-op jobs, 50 submissions in flight", single, 3),
        cpu("oneByOne", "the same, CPU of all processes", single),
        {
          ...cpu("oneByOne", "the same, beside its messages alone", single),
          floor: alone,
          target: undefined,
        },
        figure("inBulk", "no-op jobs, submitted 1,000 at a time", bulk, 2.5),
        cpu("inBulk", "the same, CPU of all processes", bulk),
        figure("byLibrary", "no-op jobs, run() of the library over NATS, 50 under way", single, 3),
        {
          ...figure("closedLoop", "no-op jobs, 50 between submission and result", single, 3),
          floor: undefined,
          target: undefined,
        },
      ],
    };
  },
};

function floorOf(bench: Bench, records: PeerRecord[][], ending: string, key: string) {
  if (bench.peers === undefined) return undefined;
  return {
    what: "BullMQ, appendonly everysec",
    samples: records.map((round) => figureOf(round, ending, key)),
  };
}
