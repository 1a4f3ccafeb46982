// `npm run bench`: starts everything it needs, measures, writes results, and says what it found.
import { openPeers } from "./lib/peers.ts";
import { readOptions } from "./options.ts";
import { jsonLine, reportOf } from "./report/report.ts";
import { tableOf } from "./report/table.ts";
import { writeResults } from "./report/write.ts";
import { run } from "./run.ts";
import { WORKLOADS } from "./workloads/all.ts";

const options = readOptions(process.argv.slice(2), process.env);
const note = (line: string) => void process.stderr.write(`${line}\n`);
const bench = {
  rounds: options.rounds,
  scaled: (count: number) => (options.quick ? Math.ceil(count / 10) : count),
  huge: options.huge,
  peers: openPeers(options.peers, (workload) => (options.quick && workload !== "W5" ? 0.1 : 1)),
  note,
};
const wanted = WORKLOADS.filter(({ key }) => options.only.includes(key));
const { rows, failed } = await run(wanted, bench);
const report = reportOf(rows, options);
note(await writeResults(report, options));
process.stdout.write(`${tableOf(report)}\n`);
if (options.json) process.stdout.write(`${jsonLine(report)}\n`);
process.exit(failed.length === 0 ? 0 : 1);
