// F8: two thousand followers of one live job over server-sent events, against one.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { open, post, readAll } from "../lib/http.ts";
import { startInstallation, type Installation } from "../lib/installation.ts";
import { LINE_BYTES } from "../lib/lines-file.ts";
import { pathIn, startNode } from "../lib/program.ts";
import { spentOn, type Spent, type Workload } from "../lib/workload.ts";

const MANY = 2_000;
const HOSTS = 2;
const RATE = 20;
const LINES = 100;
const JOB = pathIn("jobs/lines.mjs");

type Round = Spent & { complete: number; sentBytes: number };

export const followers: Workload = {
  key: "F8",
  title: "Two thousand followers of one job",
  durability:
    "what they see is acknowledged by the broker (R1, file); a follower that reconnects goes on where it was",
  async measure(bench) {
    await using installation = await startInstallation();
    await installation.addWorker(2);
    const many = bench.scaled(MANY);
    const rounds: { one: Round[]; many: Round[] } = { one: [], many: [] };
    for (let round = 0; round < bench.rounds; round += 1) {
      rounds.one.push(await follow(installation, 1, `one-${round}`));
      rounds.many.push(await follow(installation, many, `many-${round}`));
    }
    const name = many.toLocaleString("en-US");
    return {
      figures: [
        {
          what: `broker sends while ${name} follow a job of ${LINES} lines`,
          unit: "bytes",
          better: "lower",
          samples: rounds.many.map(({ sentBytes }) => sentBytes),
          floor: {
            what: "while one follows it",
            samples: rounds.one.map(({ sentBytes }) => sentBytes),
          },
          target: { of: "ratio", limit: 1.1 },
        },
        {
          what: `followers of ${name} that got every byte`,
          unit: "%",
          better: "higher",
          samples: rounds.many.map(({ complete }) => (complete / many) * 100),
          target: { of: "value", limit: 100 },
        },
        {
          what: `broker's CPU meanwhile, ${name} followers`,
          unit: "ms",
          better: "lower",
          samples: rounds.many.map(({ by }) => by.broker),
          floor: { what: "one follower", samples: rounds.one.map(({ by }) => by.broker) },
        },
        {
          what: "scheduler's CPU for each line and follower",
          unit: "µs",
          better: "lower",
          samples: rounds.many.map(({ by }) => (by.scheduler * 1_000) / LINES / many),
        },
      ],
    };
  },
};

/** One job that begins to print when all its followers are there. */
async function follow(installation: Installation, count: number, name: string): Promise<Round> {
  const go = join(installation.dir, name);
  const wait = `until [ -e ${go} ]; do sleep 0.05; done; exec "$0" ${JOB} ${RATE} ${LINES}`;
  const id = await post(installation.url, { command: ["sh", "-c", wait, process.execPath] });
  const logs = `${installation.url}/v1/jobs/${id}/logs`;
  const hosts = await Promise.all(
    Array.from({ length: Math.min(HOSTS, count) }, () =>
      startNode([
        pathIn("hosts/followers.ts"),
        `${logs}?follow=true`,
        String(count / Math.min(HOSTS, count)),
      ]),
    ),
  );
  const before = await installation.varz();
  let lines: Readonly<Record<string, unknown>>[] = [];
  const spent = await spentOn(installation, async () => {
    await writeFile(go, "");
    lines = await Promise.all(hosts.map((host) => host.nextLine()));
  });
  const after = await installation.varz();
  await Promise.all(hosts.map((host) => host.end()));

  const kept = await readAll(await open(logs));
  if (kept.length !== LINES * LINE_BYTES) throw new Error(`only ${kept.length} bytes were kept`);
  const expected = `${kept.length} ${createHash("sha256").update(kept).digest("hex")}`;
  const hashes = lines.flatMap((line) => line["hashes"] as string[]);
  return {
    ...spent,
    complete: hashes.filter((hash) => hash === expected).length,
    sentBytes: after.out_bytes - before.out_bytes,
  };
}
