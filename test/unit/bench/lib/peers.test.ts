// The peers' harness is a stranger: what it says is taken, and what it does not say is missed.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, it } from "vitest";

import { figureOf, openPeers } from "../../../../bench/lib/peers.ts";
import { tempDir } from "../../../lab/temp-dir.ts";

/** A directory set up as a harness whose `peers/bullmq.mjs` is this. */
async function setUp(script: string) {
  const dir = await tempDir();
  await mkdir(join(dir.path, "bin"));
  await mkdir(join(dir.path, "peers"));
  const launcher = join(dir.path, "bin/subreap");
  await writeFile(launcher, '#!/bin/sh\nexec "$@"\n');
  await chmod(launcher, 0o755);
  await writeFile(join(dir.path, "peers/bullmq.mjs"), script);
  return dir;
}

const SAYS = `
  const [workload, variant] = process.argv.slice(2);
  const record = { variant: variant + " | single, 50 in flight", scale: Number(process.env.BENCH_SCALE), workload };
  console.log("warming up");
  console.log("@@" + JSON.stringify(record));`;

it("hands on what the harness measured, wherever it is called from", async () => {
  await using dir = await setUp(SAYS);
  const peers = openPeers(relative(process.cwd(), dir.path), (workload) =>
    workload === "W1" ? 0.1 : 1,
  );
  const records = await peers!.bullmq("W1", true);
  expect(records).toEqual([
    { variant: "appendonly everysec | single, 50 in flight", scale: 0.1, workload: "W1" },
  ]);
  expect(figureOf(records, "single", "scale")).toBe(0.1);
  expect(await peers!.bullmq("W2", false)).toMatchObject([
    { variant: "appendonly no | single, 50 in flight", scale: 1 },
  ]);
});

it("says what is missing: the harness, a run of it, a figure", async () => {
  await using dir = await setUp(`${SAYS} process.exit(3);`);
  expect(openPeers(undefined, () => 1)).toBeUndefined();
  expect(() => openPeers(join(dir.path, "bin"), () => 1)).toThrow("set the peers up first");
  const run = openPeers(dir.path, () => 1)!.bullmq("W1", true);
  await expect(run).rejects.toThrow("peers/bullmq.mjs W1 appendonly everysec exited with 3");
  expect(() => figureOf([{ variant: "a, single", per_s: 1 }], "single", "p50_ms")).toThrow(
    'no p50_ms of "single"',
  );
});
