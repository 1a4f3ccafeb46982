// What a run of the measurements is told on its command line.
import { parseArgs } from "node:util";

import { WORKLOADS } from "./workloads/all.ts";
import type { Key } from "./lib/workload.ts";

export type Options = {
  quick: boolean;
  huge: boolean;
  /** Ends with one line of JSON. */
  json: boolean;
  only: readonly Key[];
  rounds: number;
  /** Directory of the peers' harness. */
  peers?: string;
  /** Where the results go. */
  out: string;
  /** Puts the figures into README.md, too. */
  readme: boolean;
};

export const USAGE = `npm run bench -- [options]
  --quick        one round, a tenth of the counts, under two minutes
  --only F4,F5   these workloads
  --rounds <n>   how often everything is measured; default 3, 1 with --quick
  --huge         backlogs of a million jobs instead of 200,000
  --peers <dir>  compare with BullMQ, by the harness set up there (MILLRACE_PEERS)
  --out <dir>    for results; default bench/results
  --readme       put the figures into README.md, too
  --json         end with one line of JSON`;

export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      huge: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      peers: { type: "string" },
      out: { type: "string", default: "bench/results" },
    },
  });
  const known = WORKLOADS.map(({ key }) => key);
  const only = values.only?.split(",") ?? known;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const peers = values.peers ?? env["MILLRACE_PEERS"];
  if (!only.every((key): key is Key => (known as readonly string[]).includes(key)))
    throw new Error(`--only takes ${known.join(", ")}\n${USAGE}`);
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    throw new Error(`--rounds must be a number from 1\n${USAGE}`);
  return {
    quick: values.quick,
    huge: values.huge,
    json: values.json,
    only,
    rounds,
    out: values.out,
    readme: values.readme,
    ...(peers === undefined ? {} : { peers }),
  };
}
