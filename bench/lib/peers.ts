// What users would pick instead, run by its own harness beside ours: the comparison needs nothing in this project.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** One measured case: its name and its figures. */
export type PeerRecord = { variant: string } & Readonly<Record<string, number | string>>;

export type Peers = {
  /** Runs a workload of BullMQ once; `durable`: Redis writes an append-only file, synced every second. */
  bullmq(workload: string, durable: boolean): Promise<PeerRecord[]>;
};

/** Of a full run, by workload: reading lines back is compared with as many lines, whatever else is cut short. */
type Scale = (workload: string) => number;

/** Begins every line with a record. */
const MARK = "@@";

/** `dir` is the harness after its set-up; undefined when nothing is to be compared with. */
export function openPeers(dir: string | undefined, scale: Scale): Peers | undefined {
  if (dir === undefined) return undefined;
  const home = resolve(dir);
  const launcher = join(home, "bin/subreap");
  if (!existsSync(launcher))
    throw new Error(`There is no ${launcher}: set the peers up first, or leave --peers out`);
  return {
    async bullmq(workload, durable) {
      const variant = durable ? "appendonly everysec" : "appendonly no";
      const command = [process.execPath, "peers/bullmq.mjs", workload, variant];
      const child = spawn(launcher, command, {
        cwd: home,
        env: { ...process.env, BENCH_SCALE: String(scale(workload)) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [records, [code]] = await Promise.all([recordsIn(child.stdout), once(child, "close")]);
      if (code !== 0) throw new Error(`${launcher} ${command.join(" ")} exited with ${code}`);
      return records;
    },
  };
}

async function recordsIn(output: Readable): Promise<PeerRecord[]> {
  const records: PeerRecord[] = [];
  for await (const line of createInterface({ input: output }))
    if (line.startsWith(MARK)) records.push(JSON.parse(line.slice(MARK.length)) as PeerRecord);
  return records;
}

/** A figure of the first case that has these words in its name. */
export function figureOf(records: readonly PeerRecord[], words: string, key: string): number {
  const found = records.find(({ variant }) => variant.includes(words))?.[key];
  if (found === undefined) throw new Error(`the peers told no ${key} of "${words}"`);
  return Number(found);
}
