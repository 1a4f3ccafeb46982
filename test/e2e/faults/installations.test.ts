// Two installations on one broker: row 25 of the fault table.
import { expect, it } from "vitest";

import { ask, type JobPage, type WorkerView } from "../../lab/api.ts";
import { startBroker } from "../../lab/broker.ts";
import { startLab } from "../../lab/lab.ts";
import { openNotebook, openWitness, shell } from "./witness.ts";

it("row 25: two installations on one broker never touch each other's jobs, workers, queues or names", async () => {
  await using book = await openNotebook();
  await using broker = await startBroker();
  await using one = await startLab({
    on: broker,
    args: ["--prefix=one"],
    workers: [{ name: "same" }],
  });
  await using two = await startLab({
    on: broker,
    args: ["--prefix=two"],
    workers: [{ name: "same" }],
  });
  await using second = await openWitness(broker.url, "two");
  const { jobs, assign } = second.broker.subjects;
  const before = await Promise.all(
    [jobs, assign].map(async ({ stream }) => (await second.broker.streamState(stream)).lastSeq),
  );

  await one.call("PUT", "/v1/queues/default", { paused: false, maxRunning: 1 });
  const key = { "Idempotency-Key": "the same key" };
  const spec = { command: shell(book.note("one")) };
  const { body } = await ask<{ id: string }>(`${one.url}/v1/jobs`, "POST", spec, key);
  await one.until(body.id, "succeeded");
  const running = await one.submit({ command: ["sleep", "600"] });
  await one.until(running, "running");
  await one.call("POST", `/v1/jobs/${running}/cancel`);
  await one.until(running, "cancelled");

  const after = await Promise.all(
    [jobs, assign].map(async ({ stream }) => (await second.broker.streamState(stream)).lastSeq),
  );
  expect(after).toEqual(before);
  expect((await two.call<JobPage>("GET", "/v1/jobs")).jobs).toEqual([]);
  const { workers } = await two.call<{ workers: WorkerView[] }>("GET", "/v1/workers");
  expect(workers.map(({ id }) => id)).toEqual([two.workers[0]!.id]);
  expect(await two.call("GET", "/v1/queues")).toMatchObject({ queues: [] });
  await expect(two.job(body.id)).rejects.toThrow("404");

  const other = await ask<{ id: string }>(`${two.url}/v1/jobs`, "POST", { command: ["true"] }, key);
  expect(other.status).toBe(202);
  expect(other.body.id).not.toBe(body.id);
  await two.until(other.body.id, "succeeded");
  expect(book.lines()).toEqual([`${body.id} 1 one`]);
});
