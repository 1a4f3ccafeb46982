import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { startWorkerLab } from "./worker-lab.ts";

it("runs on while the broker is away, and has everything recorded afterwards", async () => {
  await using lab = await startWorkerLab();
  await using worker = await lab.startWorker();
  const script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; sleep 0.1; done";
  const long = await lab.give(worker, { command: ["sh", "-c", script] });
  await lab.record(long, "runs", ({ state }) => state === "running");
  const short = await lab.submit({ command: ["sh", "-c", "sleep 0.2; echo done"] });
  await lab.assign(worker, [short]);
  await until(async () => {
    const reply = await worker.ask({ type: "ping" });
    return reply.ok && reply.held === 2;
  }, "both attempts to be held");

  await lab.server.kill();
  await until(() => !lab.broker.isUp(), "the connection to be seen as lost");
  await lab.server.restart();

  expect(await lab.final(long)).toMatchObject({ state: "succeeded", attempts: [{ number: 1 }] });
  expect(await lab.final(short.record.id)).toMatchObject({ state: "succeeded" });
  const lines = Array.from({ length: 12 }, (_, index) => `line ${index + 1}\n`);
  expect(await lab.output(long)).toBe(lines.join(""));
  expect(await lab.output(short.record.id)).toBe("done\n");
  await until(async () => (await worker.beat())?.held.length === 0, "a heartbeat again");
});

it("stops a job that must not run without the broker, and only then", async () => {
  await using lab = await startWorkerLab();
  await using worker = await lab.startWorker();
  await using dir = await tempDir();
  const marker = join(dir.path, "stopped");
  const script = `trap 'touch ${marker}; exit' TERM; sleep 60 & wait`;
  const calm = await lab.give(worker, { command: ["sleep", "1.5"], stopOnDisconnect: "1s" });
  expect(await lab.final(calm)).toMatchObject({ state: "succeeded" });
  const job = await lab.give(worker, { command: ["sh", "-c", script], stopOnDisconnect: "1s" });
  await lab.record(job, "runs", ({ state }) => state === "running");
  expect(existsSync(marker)).toBe(false);

  await lab.server.pause();
  await until(() => existsSync(marker), "the job to be stopped");
  await lab.server.resume();

  await expect
    .poll(async () => worker.ask({ type: "ping" }), { timeout: 10_000 })
    .toEqual({ ok: true, held: 0 });
  expect((await lab.store.read(job))?.record.state).toBe("running"); // for the leader to settle
});

it("finds what was assigned before it listened", async () => {
  await using lab = await startWorkerLab();
  const job = await lab.submit({ command: ["true"] });
  await using _worker = await lab.startWorker({}, (id) => lab.assign({ id }, [job]));
  expect(await lab.final(job.record.id)).toMatchObject({ state: "succeeded" });
});
