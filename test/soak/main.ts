// `npm run soak`: steady load at half of what the installation can do, and whether anything grows under it.
import { parseArgs } from "node:util";

import { pause } from "../../src/shared/io/lifecycle.ts";
import { until } from "../lab/until.ts";
import { takeSample, type Sample } from "./gauge.ts";
import { startInstallation } from "./installation.ts";
import { measureCapacity, RETENTION_MS, startLoad, unfinished } from "./load.ts";
import { compare } from "./verdict.ts";

const CAPACITY_MS = 20_000;
const QUIET_MS = 60_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3600" },
    every: { type: "string", default: "30" },
    rate: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const everyMs = Number(values.every) * 1_000;
const say = (line: string) => void process.stderr.write(`${line}\n`);

const over = new AbortController();
process.once("SIGINT", () => over.abort()).once("SIGTERM", () => over.abort());

await using installation = await startInstallation(2 * RETENTION_MS);
const { url } = installation;
const capacity = await measureCapacity(url, CAPACITY_MS);
const rate = values.rate === undefined ? capacity / 2 : Number(values.rate);
say(`${capacity.toFixed(0)} jobs a second at most; ${rate.toFixed(0)} a second for ${seconds} s`);
await until(async () => (await unfinished(url)) === 0, "the jobs before the load", QUIET_MS);

const load = startLoad(url, rate, over.signal);
const startedAt = performance.now();
const samples: Sample[] = [];
while (!over.signal.aborted && performance.now() - startedAt < seconds * 1_000) {
  await pause(everyMs, over.signal);
  const sample = await takeSample(installation, (performance.now() - startedAt) / 1_000);
  samples.push(sample);
  say(JSON.stringify({ ...sample, waiting: await unfinished(url) }));
}
over.abort();
await load.done;
await until(async () => (await unfinished(url)) === 0, "all jobs to end", QUIET_MS);

const comparisons = compare(samples);
const { submitted, refused, followed, misread } = load;
for (const { what, before, after, grew } of comparisons)
  say(`${grew ? "GREW " : "     "}${what}: ${before} → ${after}`);
const isFlat = refused === 0 && misread === 0 && comparisons.every(({ grew }) => !grew);
say(`${submitted} jobs, ${refused} refused, ${followed} followed, ${misread} misread`);
if (values.json) {
  const figures = { capacity, rate, seconds, submitted, refused, followed, misread };
  process.stdout.write(`${JSON.stringify({ ...figures, isFlat, comparisons })}\n`);
}
process.exitCode = isFlat ? 0 : 1;
