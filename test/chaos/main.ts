// `npm run chaos`: makes a history under random faults, or takes one from a file, and judges it.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { History, Observation } from "./checker/history.ts";
import { readOptions } from "./options.ts";
import { describe, jsonLine, reportOn } from "./report.ts";
import { runChaos } from "./run.ts";

const options = readOptions(process.argv.slice(2));
const say = (line: string) => void process.stderr.write(`${line}\n`);

async function readHistory(path: string): Promise<History> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Observation]));
}

const { history, dir } =
  options.history === undefined
    ? await runChaos(options, say)
    : { history: await readHistory(options.history), dir: dirname(options.history) };
const report = reportOn(history);
say(describe(report));
if (report.violations.length > 0) {
  const evidence = join(dir, "violations.json");
  await writeFile(evidence, JSON.stringify(report.violations, null, 2));
  say(`evidence ${evidence}`);
}
if (options.json) process.stdout.write(`${jsonLine(report)}\n`);
process.exit(report.violations.length === 0 ? 0 : 1);
