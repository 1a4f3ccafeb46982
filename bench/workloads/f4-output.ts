// F4: one job's output, followed live: 200 MB by curl, byte for byte, and the lines of a quiet job.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { EVENTS, open, post } from "../lib/http.ts";
import { startInstallation, type Installation } from "../lib/installation.ts";
import { hashOfFile, LINE_BYTES, printing, writeLines } from "../lib/lines-file.ts";
import { microseconds, percentile } from "../lib/figures.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";
import { pathIn, startNode } from "../lib/program.ts";
import { spentOn, type Figure, type Spent, type Workload } from "../lib/workload.ts";

const LINES = 2_500_000;
const QUIET_RATE = 100;
const QUIET_LINES = 500;
const QUIET_JOB = pathIn("jobs/lines.mjs");

/** What prints, what it took as a job, and MB/s of it into a bare pipe. */
type Source = { command: readonly string[]; spent: Spent[]; piped: number[] };

export const output: Workload = {
  key: "F4",
  title: "Output of one job, followed live over HTTP",
  durability:
    "every chunk acknowledged by the broker (R1, file) before the job counts as ended; until then kept by the worker, on disk if need be",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(2);
    await using floor = await startNode([pathIn("floors/pipe.mjs")]);
    const lines = bench.scaled(LINES);
    const megabytes = (lines * LINE_BYTES) / 1e6;
    const printed = join(installation.dir, "printed");
    await writeLines(printed, lines);
    const printedHash = await hashOfFile(printed);
    const lineByLine: Source = { command: printing(lines), spent: [], piped: [] };
    const copied: Source = { command: ["cat", printed], spent: [], piped: [] };

    const quiet: number[][] = [];
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const { command, spent, piped } of [lineByLine, copied]) {
        const received = join(installation.dir, "received");
        spent.push(
          await spentOn(installation, () => followByCurl(installation, command, received)),
        );
        if ((await hashOfFile(received)) !== printedHash)
          throw new Error("curl received something else than the job printed");
        floor.write(JSON.stringify(command));
        piped.push(megabytes / Number((await floor.nextLine())["seconds"]));
      }
      quiet.push(await seenAfter(installation, bench.scaled(QUIET_LINES)));
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W4", false));
    }

    const ratesOf = ({ spent }: Source) => spent.map(({ seconds }) => megabytes / seconds);
    const cpuOf = ({ spent }: Source) => spent.map(({ cpuMs }) => cpuMs / 10 / megabytes);
    const floorOf = ({ piped }: Source) => ({
      what: "the same into a bare pipe into Node",
      samples: piped,
    });
    const figures: [Figure, ...Figure[]] = [
      {
        what: `${Math.round(megabytes)} MB printed in lines of ${LINE_BYTES} bytes, followed by curl -N, byte-identical`,
        unit: "MB/s",
        better: "higher",
        samples: ratesOf(lineByLine),
        floor: floorOf(lineByLine),
        target: { of: "ratio", limit: 0.25 },
      },
      {
        what: "the same, CPU of all processes, job and curl included",
        unit: "CPU s/100 MB",
        better: "lower",
        samples: cpuOf(lineByLine),
        target: { of: "value", limit: 2 },
      },
      {
        what: "the same bytes from cat, which costs next to nothing",
        unit: "MB/s",
        better: "higher",
        samples: ratesOf(copied),
        floor: floorOf(copied),
      },
      {
        what: "the same, CPU of all processes, job and curl included",
        unit: "CPU s/100 MB",
        better: "lower",
        samples: cpuOf(copied),
      },
      ...([0.5, 0.99] as const).map((p): Figure => ({
        what: `line written → seen by an SSE follower at ${QUIET_RATE} lines/s, p${p * 100}`,
        unit: "ms",
        better: "lower",
        samples: quiet.map((round) => percentile(round, p)),
        target: { of: "value", limit: p === 0.5 ? 1 : 5 },
      })),
    ];
    if (bench.peers !== undefined)
      figures.push({
        what: "output followed, against the best way with BullMQ",
        unit: "MB/s",
        better: "higher",
        samples: ratesOf(lineByLine),
        floor: {
          what: "BullMQ, job.log() per 64 KiB",
          samples: peers.map((records) => figureOf(records, "per 64 KiB", "mb_per_s")),
        },
      });
    return { figures };
  },
};

/** From the submission until curl has ended. */
async function followByCurl(
  { url }: Installation,
  command: readonly string[],
  received: string,
): Promise<void> {
  const id = await post(url, { command });
  const address = `${url}/v1/jobs/${id}/logs?follow=true`;
  const curl = spawn("curl", ["-sfN", "-o", received, address], { stdio: "inherit" });
  const [code] = (await once(curl, "exit")) as [number];
  if (code !== 0) throw new Error(`curl exited with ${code}`);
}

/** Milliseconds from when each line was written to when it was here. */
async function seenAfter({ url }: Installation, lines: number): Promise<number[]> {
  const id = await post(url, {
    command: [process.execPath, QUIET_JOB, String(QUIET_RATE), String(lines)],
  });
  const events = await open(`${url}/v1/jobs/${id}/logs?follow=true`, { headers: EVENTS });
  const milliseconds: number[] = [];
  for await (const line of createInterface({ input: events })) {
    const now = microseconds();
    for (const [instant] of line.matchAll(/\d{20}(?= x)/g))
      milliseconds.push((now - Number(instant)) / 1_000);
  }
  if (milliseconds.length !== lines)
    throw new Error(`${milliseconds.length} of ${lines} lines were seen`);
  return milliseconds;
}
