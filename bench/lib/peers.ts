// What users would pick instead, run by its own harness beside ours: the comparison needs nothing in this project.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** One measured case: its name and its figures. */
export type PeerRecord = { variant: string } & Readonly<Record<string, number | string>>;

export type Peers = {
  /** Runs a workload of BullMQ once; `durable`: Redis writes an append-only file, synced every second. */
  bullmq(workload: string, durable: boolean): Promise<PeerRecord[]>;
};

/** Of a full run, by workload: reading lines back is compared with as many lines, whatever else is cut short. */
type Scale = (workload: string) => number;

/** `dir` is the harness after its set-up; undefined where there is none. */
export function openPeers(dir: string | undefined, scale: Scale): Peers | undefined {
  if (dir === undefined || !existsSync(join(dir, "bin/subreap"))) return undefined;
  return {
    async bullmq(workload, durable) {
      const variant = durable ? "appendonly everysec" : "appendonly no";
      const command = [process.execPath, "peers/bullmq.mjs", workload, variant];
      const child = spawn(join(dir, "bin/subreap"), command, {
        cwd: dir,
        env: { ...process.env, BENCH_SCALE: String(scale(workload)) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const records: PeerRecord[] = [];
      for await (const line of createInterface({ input: child.stdout }))
        if (line.startsWith("@@")) records.push(JSON.parse(line.slice(2)) as PeerRecord);
      return records;
    },
  };
}

/** A figure of the case whose name ends so. */
export function figureOf(records: readonly PeerRecord[], ending: string, key: string): number {
  const found = records.find(({ variant }) => variant.endsWith(ending));
  return Number(found?.[key] ?? Number.NaN);
}
