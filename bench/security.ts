// What security costs: an open installation, one with keys, and one with keys and TLS take turns at the same work;
// and what TLS costs where nothing else is done: bare hono, and the messages of a job alone, without it and with it.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { createApi } from "../src/client/api.ts";
import { findBrokerBinary } from "../src/shared/io/broker-binary.ts";
import { startBrokerProcess } from "../src/shared/io/broker-process.ts";
import { brokerSettings } from "../src/shared/io/embedded-broker.ts";
import { createAuthority } from "../test/lab/certificates.ts";
import { median, show } from "./lib/figures.ts";
import { secure, type Secured } from "./lib/guard.ts";
import { startInstallation, type Installation } from "./lib/installation.ts";
import { sendLoad } from "./lib/load.ts";
import { startFloor as startMessagesFloor, type FloorClient } from "./lib/messages-floor.ts";
import { submitAll } from "./lib/pace.ts";
import { pathIn, startNode, tempDir, type Program } from "./lib/program.ts";
import { connectSubmitter, type Submitter } from "./lib/submitter.ts";
import { cpuMsOfTrees } from "./lib/usage.ts";
import { sharesOf, spentOn, type Spent } from "./lib/workload.ts";

const CONNECTIONS = 50;
const SLOTS = 50;
const SUBMITTED_AT_ONCE = 100;
const PROGRAMS_AT_ONCE = 8;

/** Who takes turns at a work. */
type Side = { name: string; installation: Pick<Installation, "url" | "cpuMs"> };
type Whole = Side & {
  installation: Installation;
  submitter: Submitter;
  secured: Secured | undefined;
};
type Floor = Side & { program: Program; identity?: Secured["identity"] };
type Messages = Side & { floor: FloorClient; stop(): Promise<void> };
type Work<S> = {
  key: string;
  what: string;
  jobs: number;
  run(side: S, jobs: number): Promise<void>;
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

const runAll = ({ submitter }: Whole, spec: object, jobs: number, width: number) =>
  submitAll(jobs, width, () => submitter.submit(spec));

const postAll = ({ url }: { url: string }, requests: number, identity?: Secured["identity"]) =>
  sendLoad({
    url: `${url}/v1/jobs`,
    // nobody runs them: what is measured is taking them
    body: JSON.stringify({ command: ["/bin/true"], require: ["never"], env: { A: "1" } }),
    connections: CONNECTIONS,
    requests,
    ...(identity === undefined ? {} : { identity }),
  });

const WORKS: readonly Work<Whole>[] = [
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
    run: ({ installation, secured }, jobs) => postAll(installation, jobs, secured?.identity),
  },
];

const BARE: Work<Floor> = {
  key: "F9",
  what: "the same by bare hono, which checks it and stores nothing",
  jobs: 6_000,
  run: ({ installation, identity }, jobs) => postAll(installation, jobs, identity),
};

const MESSAGES: Work<Messages> = {
  key: "F1",
  what: "the messages of such jobs alone",
  jobs: 8_000,
  run: ({ floor }, jobs) => submitAll(jobs, CONNECTIONS, () => floor.submit()),
};

async function startMessages(
  name: string,
  tls?: { cert: string; key: string; ca: string },
): Promise<Messages> {
  const home = await tempDir();
  const guarded = tls === undefined ? {} : { tls: { cert_file: tls.cert, key_file: tls.key } };
  const broker = await startBrokerProcess({
    binary: await findBrokerBinary(),
    dir: home.path,
    settings: { ...brokerSettings(home.path, -1), ...guarded },
  });
  const programs: Program[] = [];
  const adopt = (program: Program) => void programs.push(program);
  const floor = await startMessagesFloor({ nats: broker.url, adopt }, tls?.ca);
  return {
    name,
    floor,
    installation: {
      url: "",
      async cpuMs() {
        const pids = [process.pid, broker.pid, ...programs.map(({ pid }) => pid)];
        const [client = 0, inBroker = 0, scheduler = 0, worker = 0] = await cpuMsOfTrees(pids);
        return { broker: inBroker, scheduler, worker, client };
      },
    },
    async stop() {
      await floor[Symbol.asyncDispose]();
      for (const program of programs) await program.end();
      await broker.stop();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function startFloor(name: string, tls?: { cert: string; key: string; ca: string }) {
  const options = tls === undefined ? [] : [`--cert=${tls.cert}`, `--key=${tls.key}`];
  const program = await startNode([pathIn("floors/hono.mjs"), ...options]);
  const installation = {
    url: String(program.ready["url"]),
    async cpuMs() {
      const [client = 0, scheduler = 0] = await cpuMsOfTrees([process.pid, program.pid]);
      return { broker: 0, scheduler, worker: 0, client };
    },
  };
  const identity = tls && { token: "none", ca: await readFile(tls.ca) };
  return { name, program, installation, ...(identity && { identity }) } satisfies Floor;
}

async function startSide(name: string, secured?: Secured): Promise<Whole> {
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
async function compare<S extends Side>(
  { key, what, jobs: whole, run }: Work<S>,
  sides: readonly S[],
) {
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
await using dir = await tempDir();
const authority = await createAuthority(dir.path, "bare");
const tls = { ...(await authority.issue("server")), ca: authority.ca };
if (wanted.includes(MESSAGES.key)) {
  const floors = [await startMessages("bare"), await startMessages("bare and TLS", tls)];
  works.push(await compare(MESSAGES, floors));
  for (const { stop } of floors) await stop();
}
if (wanted.includes(BARE.key)) {
  const floors = [await startFloor("bare"), await startFloor("bare and TLS", tls)];
  works.push(await compare(BARE, floors));
  for (const { program } of floors) await program.end();
}
await writeFile(values.out, `${JSON.stringify({ rounds, works }, null, 2)}\n`);
