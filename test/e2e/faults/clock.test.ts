// Clocks that are minutes off, or jump: row 15 of the fault table.
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";

import { PRESENCE } from "../../../src/shared/messages.ts";
import { ask, type JobView, type Stats } from "../../lab/api.ts";
import { startLab, type LabScheduler, type LabWorker } from "../../lab/lab.ts";
import { spawnNode } from "../../lab/spawn.ts";
import { openWitness } from "./witness.ts";

const MINUTES = 60_000;
const MILLRACE = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const SHIFT = new URL("shift-clock.mjs", import.meta.url).href;
const shiftedBy = (minutes: number) => ({
  NODE_OPTIONS: `--import=${SHIFT}`,
  CLOCK_SHIFT_MS: String(minutes * MINUTES),
});

const submitAt = async ({ url }: LabScheduler, ms: number) => {
  const spec = { command: ["true"], runAt: new Date(Date.now() + ms).toISOString() };
  return (await ask<JobView>(`${url}/v1/jobs`, "POST", spec)).body.id;
};

it("row 15: clocks ten minutes off and clocks that jump lose no worker and no leader; runAt follows the leader; doctor tells", async () => {
  await using lab = await startLab({ schedulers: 0, workers: [] });
  const ahead = await lab.addScheduler({ env: shiftedBy(10) });
  const behind = await lab.addScheduler({ env: shiftedBy(-10) });
  const worker: LabWorker = await lab.addWorker({ env: shiftedBy(-10), slots: 4 });
  await using witness = await openWitness(lab.broker.url);
  const running = await lab.submit({ command: ["sleep", "600"], stopOnDisconnect: "10s" });
  await witness.until(running, "running");
  // the one is past for the leader, who is ten minutes ahead, the other not yet
  const due = await submitAt(ahead, 9 * MINUTES);
  const notDue = await submitAt(ahead, 11 * MINUTES);
  await lab.until(due, "succeeded");

  const terms = await epoch(ahead);
  for (const { pid } of [ahead, behind, worker]) process.kill(pid, "SIGUSR2");
  await delay(PRESENCE.lostAfterMs + PRESENCE.beatMs);
  expect(await epoch(ahead)).toBe(terms);
  await lab.until(notDue, "succeeded"); // the leader's clock has jumped to twenty minutes ahead
  expect((await witness.record(running)).attempts).toHaveLength(1);

  await ahead.kill("SIGKILL");
  const late = await submitAt(behind, -MINUTES);
  const delayed = await lab.submit({ command: ["true"], delay: "1s" });
  await lab.until(delayed, "succeeded");
  expect((await lab.job(late)).state).toBe("queued"); // not due for who leads now, twenty minutes behind
  expect((await witness.record(running)).state).toBe("running");

  const args = ["doctor", `--url=${behind.url}`, `--nats=${lab.broker.url}`, "--json"];
  await using doctor = await spawnNode(MILLRACE, args, shiftedBy(10));
  await doctor.exited;
  const { findings } = JSON.parse(doctor.stdout()) as {
    findings: { level: string; about: string }[];
  };
  expect(findings).toContainEqual(
    expect.objectContaining({ about: "clock", level: "warning" }) as object,
  );
  await lab.call("POST", `/v1/jobs/${running}/cancel`);
  expect((await lab.until(running, "cancelled")).attempts).toHaveLength(1);
}, 120_000);

const epoch = async ({ url }: LabScheduler) =>
  (await ask<Stats>(`${url}/v1/stats`, "GET")).body.leader?.epoch;
