// F9: submissions over HTTP, single ones on 50 connections and batches of a hundred.
import { startInstallation } from "../lib/installation.ts";
import { sendLoad } from "../lib/load.ts";
import { secondsOf } from "../lib/pace.ts";
import { pathIn, startNode } from "../lib/program.ts";
import { sharesOf, spentOn, type Figure, type Spent, type Workload } from "../lib/workload.ts";

const CONNECTIONS = 50;
const REQUESTS = 10_000;
const BATCHES = 400;
const BATCH = 100;
const BATCH_CONNECTIONS = 4;
const SPEC = {
  queue: "default",
  command: ["/bin/true"],
  env: { A: "1" },
  priority: 5,
  timeout: "60s",
  labels: { team: "a", kind: "b" },
};

export const http: Workload = {
  key: "F9",
  title: "Submissions over HTTP",
  durability: "202 is sent after the broker's acknowledgement (R1, file); the floor stores nothing",
  async measure(bench) {
    await using installation = await startInstallation();
    await using floor = await startNode([pathIn("floors/hono.mjs")]);
    await using storing = await startNode([
      pathIn("floors/hono.mjs"),
      `--nats=${installation.nats}`,
    ]);
    const floorUrl = String(floor.ready["url"]);
    const storingUrl = String(storing.ready["url"]);
    const requests = bench.scaled(REQUESTS);
    const batches = bench.scaled(BATCHES);

    const single = (base: string, count = requests) =>
      sendLoad({
        url: `${base}/v1/jobs`,
        body: JSON.stringify(SPEC),
        connections: CONNECTIONS,
        requests: count,
      });
    const batched = (count = batches) =>
      sendLoad({
        url: `${installation.url}/v1/jobs/batch`,
        body: JSON.stringify({ jobs: Array.from({ length: BATCH }, () => SPEC) }),
        connections: BATCH_CONNECTIONS,
        requests: count,
      });
    await single(installation.url, 2_000);
    await single(floorUrl, 2_000);
    await single(storingUrl, 2_000);
    await batched(20);

    const spent: { single: Spent[]; batch: Spent[] } = { single: [], batch: [] };
    const bare: number[] = [];
    const bareStored: number[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      spent.single.push(await spentOn(installation, () => single(installation.url)));
      bare.push(requests / (await secondsOf(() => single(floorUrl))));
      bareStored.push(requests / (await secondsOf(() => single(storingUrl))));
      spent.batch.push(await spentOn(installation, () => batched()));
    }
    const jobs = batches * BATCH;
    const one: Figure = {
      what: `POST /v1/jobs, ${CONNECTIONS} connections`,
      unit: "jobs/s",
      better: "higher",
      samples: spent.single.map(({ seconds }) => requests / seconds),
      floor: { what: "hono, same JSON checked, nothing stored", samples: bare },
      target: { of: "ratio", limit: 0.6 },
      cpuMsPerJob: spent.single.map(({ cpuMs }) => cpuMs / requests),
      cpuMsPerJobBy: sharesOf(spent.single, requests),
    };
    return {
      figures: [
        one,
        {
          ...one,
          what: "the same, beside hono that stores it and nothing more",
          floor: { what: "hono, same JSON checked and stored", samples: bareStored },
          target: undefined,
        },
        {
          what: `POST /v1/jobs/batch of ${BATCH}`,
          unit: "jobs/s",
          better: "higher",
          samples: spent.batch.map(({ seconds }) => jobs / seconds),
          target: { of: "value", limit: 10_000 },
          cpuMsPerJob: spent.batch.map(({ cpuMs }) => cpuMs / jobs),
          cpuMsPerJobBy: sharesOf(spent.batch, jobs),
        },
      ],
    };
  },
};
