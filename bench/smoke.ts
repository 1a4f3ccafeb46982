// A first look at speed, in about a minute: Millrace beside the machine's own floor, measured in the same run.
import { spawn } from "node:child_process";
import { once } from "node:events";

import { inParallel, microseconds, percentile, secondsOf, show } from "./lib/figures.ts";
import { startInstallation, type Installation } from "./lib/processes.ts";
import { connectSubmitter, type Submitter } from "./lib/submitter.ts";

const LATENCY_JOBS = 500;
const NOOP_JOBS = 10_000;
const IN_FLIGHT = 50;
const COMMAND_JOBS = 600;
const COMMANDS_AT_ONCE = 8;
const OUTPUT_MB = 200;
const PRINTER = ["sh", "-c", `yes "$(printf '%079d' 7)" | head -c ${OUTPUT_MB}000000`];

type Row = { what: string; value: string; floor: string };
const rows: Row[] = [];

async function latency(submitter: Submitter): Promise<void> {
  const starts: number[] = [];
  const results: number[] = [];
  for (let index = 0; index < LATENCY_JOBS; index += 1) {
    const from = microseconds();
    const { result } = await submitter.run({ handler: "noop" });
    results.push((microseconds() - from) / 1_000);
    starts.push((Number(result) - from) / 1_000);
  }
  for (const [what, samples] of [
    ["submit to start", starts],
    ["submit to result", results],
  ] as const)
    rows.push({
      what: `${what}, p50 / p99`,
      value: `${show(percentile(samples, 0.5))} / ${show(percentile(samples, 0.99))} ms`,
      floor: "",
    });
}

async function noops(submitter: Submitter, installation: Installation): Promise<void> {
  const cpuBefore = await installation.cpuMs();
  const own = process.cpuUsage();
  const seconds = await secondsOf(() =>
    inParallel(NOOP_JOBS, IN_FLIGHT, async () => void (await submitter.run({ handler: "noop" }))),
  );
  const { user, system } = process.cpuUsage(own);
  const cpuMs = (await installation.cpuMs()) - cpuBefore + (user + system) / 1_000;
  rows.push({
    what: `no-op handler jobs, ${IN_FLIGHT} in flight`,
    value: `${show(NOOP_JOBS / seconds)}/s, ${show(cpuMs / NOOP_JOBS)} CPU ms each`,
    floor: "",
  });
}

async function commands(submitter: Submitter): Promise<void> {
  const seconds = await secondsOf(() =>
    inParallel(
      COMMAND_JOBS,
      COMMANDS_AT_ONCE,
      async () => void (await submitter.run({ command: ["/bin/true"] })),
    ),
  );
  const bare = await secondsOf(() =>
    inParallel(
      COMMAND_JOBS,
      COMMANDS_AT_ONCE,
      async () => void (await once(spawn("/bin/true"), "close")),
    ),
  );
  rows.push({
    what: `/bin/true jobs, ${COMMANDS_AT_ONCE} at once`,
    value: `${show(COMMAND_JOBS / seconds)}/s`,
    floor: `${show(COMMAND_JOBS / bare)}/s bare spawn loop`,
  });
}

async function output(installation: Installation): Promise<void> {
  const bytesOf = async (source: AsyncIterable<Uint8Array>) => {
    let bytes = 0;
    for await (const piece of source) bytes += piece.length;
    if (bytes !== OUTPUT_MB * 1e6)
      throw new Error(`${bytes} bytes arrived, ${OUTPUT_MB}000000 were printed`);
  };
  const followed = await secondsOf(async () => {
    const response = await fetch(new URL("/v1/jobs", installation.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command: PRINTER }),
    });
    const { id } = (await response.json()) as { id: string };
    const logs = await fetch(new URL(`/v1/jobs/${id}/logs?follow=true`, installation.url));
    await bytesOf(logs.body as AsyncIterable<Uint8Array>);
  });
  const piped = await secondsOf(async () =>
    bytesOf(spawn("sh", PRINTER.slice(1), { stdio: ["ignore", "pipe", "inherit"] }).stdout),
  );
  rows.push({
    what: `output of one job, ${OUTPUT_MB} MB, followed over HTTP`,
    value: `${show(OUTPUT_MB / followed)} MB/s`,
    floor: `${show(OUTPUT_MB / piped)} MB/s bare pipe`,
  });
}

await using installation = await startInstallation();
await installation.startWorker(IN_FLIGHT);
await using submitter = await connectSubmitter(installation.nats);
await inParallel(500, IN_FLIGHT, async () => void (await submitter.run({ handler: "noop" })));
await latency(submitter);
await noops(submitter, installation);
await commands(submitter);
await output(installation);
console.table(Object.fromEntries(rows.map(({ what, ...figures }) => [what, figures])));
