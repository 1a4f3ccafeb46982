// F5: 100,000 kept lines read back by the job's id over HTTP.
import { createHash } from "node:crypto";
import { join } from "node:path";

import { open, post, readAll } from "../lib/http.ts";
import { getJson, startInstallation, until } from "../lib/installation.ts";
import { hashOfFile, LINE_BYTES, writeLines } from "../lib/lines-file.ts";
import { microseconds } from "../lib/figures.ts";
import { pathIn, startNode } from "../lib/program.ts";
import { spentOn, type Spent, type Workload } from "../lib/workload.ts";
import { figureOf, type PeerRecord } from "../lib/peers.ts";

const LINES = 100_000;
/** Reads in each round, the sides taking turns. */
const READS = 5;

export const replay: Workload = {
  key: "F5",
  title: "Kept output read back over HTTP",
  durability: "the lines are kept by the broker (R1, file) for seven days; the floor is a file",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(2);
    const printed = join(installation.dir, "printed");
    await writeLines(printed, LINES);
    const hash = await hashOfFile(printed);
    await using floor = await startNode([pathIn("floors/hono.mjs"), printed]);
    // one write for each line, as programs print them
    const id = await post(installation.url, { command: ["grep", "--line-buffered", "", printed] });
    await until(async () => {
      const { state } = await getJson(installation.url, `/v1/jobs/${id}`);
      return state === "succeeded";
    });

    const kept = `${installation.url}/v1/jobs/${id}/logs`;
    const file = `${String(floor.ready["url"])}/file`;
    await readBack(kept, hash);
    await readBack(file, hash);
    const times: { kept: number[]; file: number[] } = { kept: [], file: [] };
    const spent: Spent[] = [];
    const peers: PeerRecord[][] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      for (let read = 0; read < READS; read += 1) {
        times.file.push(await readBack(file, hash));
        spent.push(
          await spentOn(installation, async () => times.kept.push(await readBack(kept, hash))),
        );
      }
      if (bench.peers !== undefined) peers.push(await bench.peers.bullmq("W5", false));
    }
    return {
      figures: [
        {
          what: `${LINES.toLocaleString("en-US")} lines of ${LINE_BYTES} bytes read back by id`,
          unit: "ms",
          better: "lower",
          samples: times.kept,
          floor: { what: "hono sends the same bytes from a file", samples: times.file },
          target: { of: "ratio", limit: 2 },
          cpuMsPerJob: spent.map(({ cpuMs }) => cpuMs),
        },
        ...(bench.peers === undefined
          ? []
          : [
              {
                what: "the same, against BullMQ",
                unit: "ms",
                better: "lower" as const,
                samples: times.kept,
                floor: {
                  what: "BullMQ, getJobLogs()",
                  samples: peers.map((records) => figureOf(records, "lines by id", "ms")),
                },
              },
            ]),
      ],
    };
  },
};

/** Milliseconds until the last byte is here; what came is checked when the clock has stopped. */
async function readBack(url: string, hash: string): Promise<number> {
  const from = microseconds();
  const bytes = await readAll(await open(url));
  const milliseconds = (microseconds() - from) / 1_000;
  if (createHash("sha256").update(bytes).digest("hex") !== hash)
    throw new Error(`${url} answered with something else than was printed`);
  return milliseconds;
}
