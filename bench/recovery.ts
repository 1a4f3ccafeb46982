// How long each death is felt: worker, leader and broker are killed again and again under the built program's defaults.
import { parseArgs } from "node:util";

import { percentile, show } from "./lib/figures.ts";
import { killBroker } from "./recovery/broker-death.ts";
import { drainWorker } from "./recovery/drain.ts";
import { startFleet, type Fleet } from "./recovery/fleet.ts";
import { killLeader } from "./recovery/leader-death.ts";
import { killWorker } from "./recovery/worker-death.ts";

const OTHER_KILLS = 10;
const LONGEST_DOWN_MS = 10_000;

const { values } = parseArgs({
  options: { kills: { type: "string", default: "20" }, json: { type: "boolean", default: false } },
});
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1)
  throw new Error("--kills must be a whole number from 1 on");

/** Acts so many times; `share` goes evenly from 0 to 1. */
async function repeat<T>(
  times: number,
  what: string,
  act: (share: number) => Promise<T>,
): Promise<T[]> {
  const all: T[] = [];
  for (let n = 0; n < times; n += 1) {
    const one = await act(n / Math.max(1, times - 1));
    console.error(`${what} ${n + 1} of ${times}: ${JSON.stringify(one)}`);
    all.push(one);
  }
  return all;
}

const spread = (samples: readonly number[]) => ({
  count: samples.length,
  p50: percentile(samples, 0.5),
  max: Math.max(...samples),
});

async function measure(fleet: Fleet) {
  const workers = await repeat(kills, "worker", (phase) => killWorker(fleet, phase));
  const leaders = await repeat(OTHER_KILLS, "leader", () => killLeader(fleet));
  const brokers = await repeat(OTHER_KILLS, "broker", (share) =>
    killBroker(fleet, Math.round(share * LONGEST_DOWN_MS)),
  );
  return {
    workerBackMs: spread(workers.map(({ backMs }) => backMs)),
    workerLostBytes: spread(workers.map(({ lostBytes }) => lostBytes)),
    leaderPlacesMs: spread(leaders),
    brokerAnswersMs: spread(brokers.map(({ answersMs }) => answersMs)),
    brokerJobEndsMs: spread(brokers.map(({ endsMs }) => endsMs)),
    drainInTime: await drainWorker(fleet, "2m", 5),
    drainTooShort: await drainWorker(fleet, "5s", 3_600),
  };
}

const line = ({ count, p50, max }: ReturnType<typeof spread>) =>
  `${show(p50)} / ${show(max)} (${count} times)`;

await using fleet = await startFleet();
const figures = await measure(fleet);
if (values.json) console.log(JSON.stringify(figures, null, 2));
else {
  const { drainInTime, drainTooShort } = figures;
  console.log(`p50 / max
job on another worker after kill -9 of its own, ms: ${line(figures.workerBackMs)}
bytes of its output gone with the worker: ${line(figures.workerLostBytes)}
placement after kill -9 of the leader, ms: ${line(figures.leaderPlacesMs)}
submits accepted after the broker is back, ms: ${line(figures.brokerAnswersMs)}
a job run to its end after the broker is back, ms: ${line(figures.brokerJobEndsMs)}
drained with four 5 s jobs: gone after ${drainInTime.leftMs} ms, ${drainInTime.lost} lost, ${drainInTime.handedBack} handed back
drained with four endless jobs in 5 s: gone after ${drainTooShort.leftMs} ms, ${drainTooShort.lost} lost, ${drainTooShort.handedBack} handed back`);
}
