// F1: no-op handler jobs by a TypeScript client straight over NATS, one by one and in bulk.
import { startInstallation } from "../lib/installation.ts";
import { inParallel } from "../lib/pace.ts";
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

/** So many submissions under way at any time; resolves when every result is known. */
async function oneByOne(submitter: Submitter, jobs: number): Promise<void> {
  const ends: Promise<unknown>[] = [];
  await inParallel(jobs, IN_FLIGHT, async () => ends.push((await submitter.submit(SPEC)).ended));
  await Promise.all(ends);
}

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

const WAYS = { oneByOne, inBulk, closedLoop };
type Way = keyof typeof WAYS;

export const handlers: Workload = {
  key: "F1",
  title: "No-op handler jobs, results known to the submitter",
  durability:
    "record, assignment and result acknowledged by the broker (R1, file): survives kill -9 of every process",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(SLOTS);
    await using submitter = await connectSubmitter(installation.nats);
    const jobs = bench.scaled(JOBS);
    await oneByOne(submitter, Math.min(jobs, 5_000)); // warm: code is compiled, files are open

    const spent: Record<Way, Spent[]> = { oneByOne: [], inBulk: [], closedLoop: [] };
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const way of Object.keys(WAYS) as Way[])
        spent[way].push(await spentOn(installation, () => WAYS[way](submitter, jobs)));
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
    const single = "enqueue+drain, single, 50 in flight, concurrency 50";
    const bulk = "enqueue+drain, bulk 1000, concurrency 50";
    return {
      figures: [
        figure("oneByOne", "no-op jobs, 50 submissions in flight", single, 3),
        cpu("oneByOne", "the same, CPU of all processes", single),
        figure("inBulk", "no-op jobs, submitted 1,000 at a time", bulk, 2.5),
        cpu("inBulk", "the same, CPU of all processes", bulk),
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
