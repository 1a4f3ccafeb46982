// F3: latency on an idle installation, one job at a time: over NATS to start and result, over HTTP to the first byte.
import { EVENTS, open, post, readAll } from "../lib/http.ts";
import { startInstallation, type Installation } from "../lib/installation.ts";
import { microseconds, percentile } from "../lib/figures.ts";
import { startFloor, type FloorClient } from "../lib/messages-floor.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";
import { pathIn, startNode, type Program } from "../lib/program.ts";
import { connectSubmitter, type Submitter } from "../lib/submitter.ts";
import type { Curve, Figure, Workload } from "../lib/workload.ts";

const JOBS = 1_000;
const SLOTS = 10;
/** Above one bare spawn, as the target allows. */
const FIRST_BYTE_MORE_MS = 3;
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

type Times = { start: number[]; result: number[] };

export const latency: Workload = {
  key: "F3",
  title: "Latency of one job on an idle installation",
  durability: "record and result acknowledged by the broker (R1, file) before they count",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(SLOTS);
    await using submitter = await connectSubmitter(installation.nats);
    await using messages = await startFloor(installation);
    await using floor = await startNode([pathIn("floors/first-byte.mjs")]);
    const jobs = bench.scaled(JOBS);
    await overNats(submitter, 200);
    await messagesAlone(messages, 200);
    await firstBytes(installation, 50);

    const rounds: (Times & { firstByte: number[]; bare: number[]; alone: Times })[] = [];
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      const times = await overNats(submitter, jobs);
      const alone = await messagesAlone(messages, jobs);
      const firstByte = await firstBytes(installation, jobs);
      rounds.push({ ...times, firstByte, bare: await bareSpawns(floor, jobs), alone });
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W2", true));
    }

    type What = "start" | "result" | "firstByte" | "bare";
    const at = (what: What, p: number) => rounds.map((round) => percentile(round[what], p));
    const overNatsFigure = (what: "start" | "result", p: 0.5 | 0.99): Figure => {
      const name = what === "start" ? "handler starts" : "result known";
      const key = p === 0.5 ? "p50" : "p99";
      return {
        what: `submit → ${name}, ${key}`,
        unit: "ms",
        better: "lower",
        samples: at(what, p),
        floor: bench.peers && {
          what: "BullMQ, appendonly everysec",
          samples: peers.map((round) => figureOf(round, `submit -> ${name}`, `${key}_ms`)),
        },
        target: { of: "ratio", limit: 0.5 },
      };
    };
    const besideMessages = (what: "start" | "result"): Figure => ({
      ...overNatsFigure(what, 0.5),
      what: `the same ${what}, p50, beside its messages alone`,
      floor: {
        what: "its messages alone, without a job",
        samples: rounds.map(({ alone }) => percentile(alone[what], 0.5)),
      },
      target: undefined,
    });
    const bare = at("bare", 0.5);
    return {
      figures: [
        overNatsFigure("start", 0.5),
        overNatsFigure("start", 0.99),
        overNatsFigure("result", 0.5),
        overNatsFigure("result", 0.99),
        besideMessages("start"),
        besideMessages("result"),
        {
          what: "HTTP submit → first output byte at an SSE follower, above one bare spawn, p50",
          unit: "ms",
          better: "lower",
          samples: at("firstByte", 0.5).map((ms, round) => ms - bare[round]!),
          target: { of: "value", limit: FIRST_BYTE_MORE_MS },
        },
        ...([0.5, 0.99] as const).map((p): Figure => ({
          what: `HTTP submit → first output byte at an SSE follower, p${p * 100}`,
          unit: "ms",
          better: "lower",
          samples: at("firstByte", p),
          floor: { what: "bare spawn → first byte", samples: at("bare", p) },
        })),
      ],
      curves: [curveOf(rounds)],
    };
  },
};

/** One after the other; `run` resolves when the result is known, with the microsecond of the start. */
async function timesOf(jobs: number, run: () => Promise<number>): Promise<Times> {
  const times: Times = { start: [], result: [] };
  for (let job = 0; job < jobs; job += 1) {
    const from = microseconds();
    const startedAt = await run();
    times.result.push((microseconds() - from) / 1_000);
    times.start.push((startedAt - from) / 1_000);
  }
  return times;
}

const overNats = (submitter: Submitter, jobs: number): Promise<Times> =>
  timesOf(jobs, async () => Number((await submitter.run({ handler: "noop" })).result));

const messagesAlone = (floor: FloorClient, jobs: number): Promise<Times> =>
  timesOf(jobs, async () => (await floor.submit()).ended);

async function firstBytes({ url }: Installation, jobs: number): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let job = 0; job < jobs; job += 1) {
    const from = microseconds();
    const id = await post(url, { command: ["printf", "x"] });
    const events = await open(`${url}/v1/jobs/${id}/logs?follow=true`, { headers: EVENTS });
    events.once("data", () => milliseconds.push((microseconds() - from) / 1_000));
    await readAll(events);
  }
  return milliseconds;
}

async function bareSpawns(floor: Program, count: number): Promise<number[]> {
  floor.write(String(count));
  return (await floor.nextLine())["milliseconds"] as number[];
}

function curveOf(rounds: readonly (Times & { firstByte: number[] })[]): Curve {
  const line = (name: string, what: "start" | "result" | "firstByte") => ({
    name,
    points: SHARES.map((p) => {
      const all = rounds.flatMap((round) => round[what]);
      return [p * 100, percentile(all, p)] as const;
    }),
  });
  return {
    name: "latency",
    title: "Latency of one job on an idle installation",
    x: "percentile",
    y: "ms",
    scale: { x: "even", y: "log" },
    lines: [
      line("submit → handler starts", "start"),
      line("submit → result known", "result"),
      line("HTTP submit → first output byte", "firstByte"),
    ],
  };
}
