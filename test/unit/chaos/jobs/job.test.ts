// The job of a chaos run: it writes the sequence that the checker computes, and notes what it does.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

import { tempDir } from "../../../lab/temp-dir.ts";
import { expectedOutput } from "../../../chaos/checker/sequence.ts";
import type { LineSeen } from "../../../chaos/checker/history.ts";

const JOB = fileURLToPath(new URL("../../../chaos/jobs/job.sh", import.meta.url));
const SEED = 4_711;

async function runJob(env: Record<string, string>) {
  await using dir = await tempDir();
  const journal = join(dir.path, "journal");
  const told = {
    PATH: process.env["PATH"],
    MILLRACE_JOB_ID: "j",
    MILLRACE_ATTEMPT: "2",
    MILLRACE_WORKER_ID: "w",
    CHAOS_JOURNAL: journal,
    CHAOS_SEED: String(SEED),
    CHAOS_BLOCKS: "8",
    CHAOS_LINES: "100",
    CHAOS_PAUSE: "0",
    CHAOS_NOTE: "4",
    CHAOS_FAILURES: "0",
    CHAOS_EXIT: "1",
    ...env,
  };
  const { stdout, stderr, status, signal } = spawnSync("sh", [JOB], { env: told });
  const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
  return {
    stdout,
    stderr,
    status,
    signal,
    lines: lines.map((line) => JSON.parse(line) as LineSeen),
  };
}

test("both channels bear the sequence of the seed, and the journal tells of it", async () => {
  const { stdout, stderr, status, lines } = await runJob({});
  const bytes = 8 * 100 * 9;
  expect(stdout).toEqual(expectedOutput(SEED, "stdout", bytes));
  expect(stderr).toEqual(expectedOutput(SEED, "stderr", bytes));
  expect(status).toBe(0);
  expect(lines.map(({ what, stdout: wrote }) => [what, wrote])).toEqual([
    ["start", 0],
    ["wrote", bytes / 2],
    ["wrote", bytes],
    ["end", bytes],
  ]);
  expect(lines.at(-1)).toMatchObject({
    job: "j",
    attempt: 2,
    worker: "w",
    seed: SEED,
    exitCode: 0,
  });
});

test("it fails as often as it is told to", async () => {
  expect(await runJob({ CHAOS_FAILURES: "2", CHAOS_EXIT: "9" })).toMatchObject({ status: 9 });
  expect(await runJob({ CHAOS_FAILURES: "1", CHAOS_EXIT: "9" })).toMatchObject({ status: 0 });
});

test("it ends by a signal without claiming an end", async () => {
  const { signal, lines } = await runJob({ CHAOS_SIGNAL: "KILL" });
  expect(signal).toBe("SIGKILL");
  expect(lines.at(-1)?.what).toBe("wrote");
});
