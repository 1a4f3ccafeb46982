import { expect, it } from "vitest";

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

it("stops a job that must not run without the broker", async () => {
  await using lab = await startWorkerLab();
  await using worker = await lab.startWorker();
  const job = await lab.give(worker, { command: ["sleep", "60"], stopOnDisconnect: "1s" });
  await lab.record(job, "runs", ({ state }) => state === "running");
  await lab.server.kill();
  await until(() => !lab.broker.isUp(), "the connection to be seen as lost");
  await lab.server.restart();
  await until(() => lab.broker.isUp(), "the connection");
  await expect
    .poll(async () => worker.ask({ type: "ping" }), { timeout: 10_000 })
    .toEqual({ ok: true, held: 0 });
  expect((await lab.store.read(job))?.record.state).toBe("running"); // for the leader to settle
});
