// What security costs: an open installation, one with keys, and one with keys and TLS take turns at the same work.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { createApi } from "../src/client/api.ts";
import { median, show } from "./lib/figures.ts";
import { secure, type Secured } from "./lib/guard.ts";
import { startInstallation, type Installation } from "./lib/installation.ts";
import { sendLoad } from "./lib/load.ts";
import { inParallel } from "./lib/pace.ts";
import { connectSubmitter, type Submitter } from "./lib/submitter.ts";
import { sharesOf, spentOn, type Spent } from "./lib/workload.ts";

const CONNECTIONS = 50;
const SLOTS = 50;
const SUBMITTED_AT_ONCE = 100;
const PROGRAMS_AT_ONCE = 8;

type Side = {
  name: string;
  installation: Installation;
  submitter: Submitter;
  secured: Secured | undefined;
};
type Work = {
  key: string;
  what: string;
  jobs: number;
  run(side: Side, jobs: number): Promise<void>;
};

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "F1,F2,F9" },
    out: { type: "string", default: "bench/results/security.json" },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error("--rounds must be a whole number from 1 on");
const share = values.quick ? 0.25 : 1;

async function runAll({ submitter }: Side, spec: object, jobs: number, width: number) {
  const ends: Promise<unknown>[] = [];
  await inParallel(jobs, width, async () => ends.push((await submitter.submit(spec)).ended));
  await Promise.all(ends);
}

const WORKS: readonly Work[] = [
  {
    key: "F1",
    what: "no-op jobs, 50 submissions in flight",
    jobs: 8_000,
    run: (side, jobs) => runAll(side, { handler: "noop" }, jobs, CONNECTIONS),
  },
  {
    key: "F2",
    what: "/bin/true, 8 at once",
    jobs: 1_000,
    run: (side, jobs) =>
      runAll(side, { command: ["/bin/true"], queue: "programs" }, jobs, SUBMITTED_AT_ONCE),
  },
  {
    key: "F9",
    what: "POST /v1/jobs, 50 connections",
    jobs: 6_000,
    run: ({ installation, secured }, jobs) =>
      sendLoad({
        url: `${installation.url}/v1/jobs`,
        // nobody runs them: what is measured is taking them
        body: JSON.stringify({ command: ["/bin/true"], require: ["never"], env: { A: "1" } }),
        connections: CONNECTIONS,
        requests: jobs,
        ...(secured === undefined ? {} : { identity: secured.identity }),
      }),
  },
];

async function startSide(name: string, secured?: Secured): Promise<Side> {
  const installation = await startInstallation([], secured);
  await installation.addWorker(SLOTS);
  const submitter = await connectSubmitter(installation.nats, secured?.credentials);
  const api = createApi(
    installation.url,
    secured && {
      token: secured.identity.token,
      tls: secured.identity.ca === undefined ? {} : { ca: secured.identity.ca },
    },
  );
  await api.call("/v1/queues/programs", { method: "PUT", body: { maxRunning: PROGRAMS_AT_ONCE } });
  return { name, installation, submitter, secured };
}

/** Each round all sides do the same, one after the other, in an order that turns around. */
async function compare({ key, what, jobs: whole, run }: Work, sides: readonly Side[]) {
  const jobs = Math.ceil(whole * share);
  const spent = sides.map((): Spent[] => []);
  for (const side of sides) await run(side, Math.ceil(jobs / 4));
  for (let round = 0; round < rounds; round += 1) {
    const turns = [...sides.entries()];
    for (const [i, side] of round % 2 === 0 ? turns : turns.toReversed())
      spent[i]!.push(await spentOn(side.installation, () => run(side, jobs)));
  }
  const figures = sides.map(({ name }, i) => ({
    name,
    jobsPerSecond: median(spent[i]!.map(({ seconds }) => jobs / seconds)),
    ofOpen: median(spent[i]!.map(({ seconds }, round) => spent[0]![round]!.seconds / seconds)),
    cpuMsPerJob: median(spent[i]!.map(({ cpuMs }) => cpuMs / jobs)),
    cpuMsPerJobBy: sharesOf(spent[i]!, jobs),
  }));
  for (const { name, jobsPerSecond, ofOpen, cpuMsPerJob } of figures)
    console.error(
      `${key} ${name}: ${show(jobsPerSecond)} jobs/s (${ofOpen.toFixed(2)}), ${cpuMsPerJob.toFixed(3)} CPU ms/job`,
    );
  return { key, what, jobs, figures };
}

const sides = [
  await startSide("open"),
  await startSide("keys", await secure(false)),
  await startSide("keys and TLS", await secure(true)),
];
const wanted = values.only.split(",");
const works = [];
for (const work of WORKS.filter(({ key }) => wanted.includes(key)))
  works.push(await compare(work, sides));
for (const { submitter, installation } of sides) {
  await submitter[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
}
await writeFile(values.out, `${JSON.stringify({ rounds, works }, null, 2)}\n`);
