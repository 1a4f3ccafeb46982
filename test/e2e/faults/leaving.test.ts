// A worker and its signals: the first lets it finish what runs, the second ends it now; its jobs go on elsewhere.
import { describe, expect, it } from "vitest";

import type { WorkerView } from "../../lab/api.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { isAlive } from "../processes.ts";
import { openText } from "../text-stream.ts";

async function untilDraining(lab: Lab, id: string): Promise<void> {
  const look = () => lab.call<WorkerView>("GET", `/v1/workers/${id}`);
  await until(async () => (await look()).status === "draining", "the worker to drain", 30_000);
}

describe("the first SIGTERM", () => {
  it("lets the worker finish what runs, then it leaves", { timeout: 120_000 }, async () => {
    await using dir = await tempDir();
    await using lab = await startLab({ workers: [{ name: "leaving" }] });
    const script = `while ! [ -e ${dir.path}/go ]; do sleep 0.1; done; echo finished`;
    const id = await lab.submit({ command: ["sh", "-c", script] });
    await lab.until(id, "running");
    const owner = await lab.ownerOf(id);

    const gone = owner.kill("SIGTERM");
    await untilDraining(lab, owner.id);
    const next = await lab.submit({ command: ["true"] });
    const staying = await lab.addWorker({ name: "staying" });
    expect((await lab.until(next, "succeeded")).worker).toBe(staying.id);
    expect((await lab.job(id)).state).toBe("running");

    await lab.submit({ command: ["touch", `${dir.path}/go`] });
    const job = await lab.until(id, "succeeded");
    expect(job.attempts.map(({ worker }) => worker)).toEqual([owner.id]);
    expect(await lab.output(id)).toBe("finished\n");
    expect(await gone).toEqual({ code: 0, signal: null });
  });
});

describe("the second SIGTERM", () => {
  it("ends it now: what runs is killed and runs elsewhere", { timeout: 120_000 }, async () => {
    await using lab = await startLab({ workers: [{ name: "leaving" }] });
    const script = `trap '' TERM; echo $$; while :; do sleep 0.1; done`;
    const id = await lab.submit({ command: ["sh", "-c", script], grace: "10m" });
    await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?follow`);
    const pid = Number(await follower.until(/\d+\n/));
    const owner = await lab.ownerOf(id);

    const gone = owner.kill("SIGTERM");
    await untilDraining(lab, owner.id);
    expect(isAlive(pid)).toBe(true);
    void owner.kill("SIGTERM");
    expect(await gone).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);

    const staying = await lab.addWorker({ name: "staying" });
    const job = await lab.until(id, "running", { attempt: 2 });
    expect(job.worker).toBe(staying.id);
    expect(job.attempts[0]).toMatchObject({ worker: owner.id, outcome: "handed_back" });
  });
});
