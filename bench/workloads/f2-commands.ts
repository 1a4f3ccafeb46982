// F2: /bin/true as command jobs, two and eight at once, also on a worker that holds much memory.
import { startInstallation } from "../lib/installation.ts";
import { inParallel } from "../lib/pace.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";
import { pathIn, startNode, type Program } from "../lib/program.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import { sharesOf, spentOn, type Figure, type Spent, type Workload } from "../lib/workload.ts";

const JOBS = 2_000;
const SUBMITTED_AT_ONCE = 100;
const HELD_MB = 300;
/** A bare loop is slower; it needs not last as long to be told. */
const FLOOR_SHARE = 0.5;

const CREWS = [
  { name: "2 at once", slots: 2, heldMb: 0 },
  { name: "8 at once", slots: 8, heldMb: 0 },
  { name: `8 at once, worker holds ${HELD_MB} MB`, slots: 8, heldMb: HELD_MB },
] as const;

export const commands: Workload = {
  key: "F2",
  title: "/bin/true as command jobs",
  durability: "record, assignment, output totals and result acknowledged by the broker (R1, file)",
  async measure(bench) {
    await using installation = await startInstallation();
    await using submitter = await connectSubmitter(installation.nats);
    await using floor = await startNode([pathIn("floors/spawn-loop.mjs")]);
    const crews = [];
    for (const crew of CREWS) {
      const { ready } = await installation.addWorker(crew.slots);
      const worker = String(ready["worker"]);
      await submitter.run({ handler: "hold", input: crew.heldMb, worker });
      await runAll(submitter, worker, 50);
      crews.push({ ...crew, worker, spent: [] as Spent[], floor: [] as number[] });
    }
    const jobs = bench.scaled(JOBS);
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const { slots, worker, spent, floor: bare } of crews) {
        spent.push(await spentOn(installation, () => runAll(submitter, worker, jobs)));
        bare.push(await bareLoop(floor, jobs * FLOOR_SHARE, slots));
      }
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W3", false));
    }

    const rateOf = (spent: readonly Spent[]) => spent.map(({ seconds }) => jobs / seconds);
    const figures = crews.map(({ name, spent, floor: bare }): Figure => ({
      what: `/bin/true, ${name}`,
      unit: "jobs/s",
      better: "higher",
      samples: rateOf(spent),
      floor: { what: "bare Node spawn loop", samples: bare },
      target: { of: "ratio", limit: 0.9 },
      cpuMsPerJob: spent.map(({ cpuMs }) => cpuMs / jobs),
      cpuMsPerJobBy: sharesOf(spent, jobs),
    }));
    const eight = crews[1]!;
    const beyond: Figure[] = [
      {
        what: "/bin/true, 8 at once, CPU of all processes",
        unit: "CPU ms/job",
        better: "lower",
        samples: eight.spent.map(({ cpuMs }) => cpuMs / jobs),
        target: { of: "value", limit: 2 },
      },
    ];
    if (bench.peers !== undefined)
      beyond.push({
        what: "/bin/true, 8 at once, against BullMQ",
        unit: "jobs/s",
        better: "higher",
        samples: rateOf(eight.spent),
        floor: {
          what: "BullMQ, appendonly no",
          samples: peers.map((round) => figureOf(round, "/bin/true, concurrency 8", "per_s")),
        },
        target: { of: "ratio", limit: 3 },
      });
    const [two, ...others] = figures;
    return { figures: [others[0]!, two!, ...others.slice(1), ...beyond] };
  },
};

async function runAll(submitter: Submitter, worker: string, jobs: number): Promise<void> {
  const ends: Promise<unknown>[] = [];
  await inParallel(jobs, SUBMITTED_AT_ONCE, async () =>
    ends.push((await submitter.submit({ command: ["/bin/true"], worker })).ended),
  );
  await Promise.all(ends);
}

async function bareLoop(floor: Program, count: number, width: number): Promise<number> {
  floor.write(`${count} ${width}`);
  return count / Number((await floor.nextLine())["seconds"]);
}
