// Queue rules, unique keys, dead letters and versions of handlers, over real processes.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { JobView, Why, WorkerView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { until } from "../lab/until.ts";

const handlersOf = (version: number) =>
  fileURLToPath(new URL(`handlers/resize-${version}`, import.meta.url));

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ workers: [{ name: "old", slots: 8, handlers: handlersOf(1) }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const rule = (name: string, settings: object) => lab.call("PUT", `/v1/queues/${name}`, settings);
const why = async (id: string) => (await lab.call<Why>("GET", `/v1/jobs/${id}/why`)).reasons;
const untilWhy = (id: string, code: string) =>
  until(async () => (await why(id)).some((reason) => reason.code === code), `${id} to say ${code}`);
const endless = ["sleep", "600"];
const quick = ["true"];

it("purging ends what waits and leaves alone what runs", async () => {
  await rule("purged", { maxRunning: 1 });
  const running = await lab.submit({ command: endless, queue: "purged" });
  await lab.until(running, "running");
  const waiting = await Promise.all(
    [1, 2, 3].map(() => lab.submit({ command: quick, queue: "purged" })),
  );
  const delayed = await lab.submit({ command: quick, queue: "purged", delay: "1h" });
  await lab.call("POST", "/v1/queues/purged/purge");
  for (const id of [...waiting, delayed]) {
    const { reason } = await lab.until(id, "cancelled");
    expect(reason).toBe("Queue purged was purged.");
  }
  expect((await lab.job(running)).state).toBe("running");
  const later = await lab.submit({ command: quick, queue: "purged" });
  await lab.call("POST", `/v1/jobs/${running}/cancel`);
  await lab.until(later, "succeeded");
});

it("one of a key runs at a time, and a new one can take its place", async () => {
  await rule("keyed", { perKey: { limit: 1 } });
  const first = await lab.submit({ command: endless, queue: "keyed", key: "tenant" });
  await lab.until(first, "running");
  const second = await lab.submit({ command: endless, queue: "keyed", key: "tenant" });
  await untilWhy(second, "key_busy");
  expect(await why(second)).toMatchObject([{ key: "tenant", running: 1, jobs: [first] }]);
  await lab.until(await lab.submit({ command: quick, queue: "keyed", key: "other" }), "succeeded");
  await rule("keyed", { perKey: { limit: 1, whenBusy: "replace" } });
  await until(async () => {
    const { queues } = await lab.call<{
      queues: { name: string; perKey?: { whenBusy?: string } }[];
    }>("GET", "/v1/queues");
    return queues.find(({ name }) => name === "keyed")?.perKey?.whenBusy === "replace";
  }, "the rule to be known");
  const third = await lab.submit({ command: quick, queue: "keyed", key: "tenant" });
  await lab.until(third, "succeeded");
  for (const id of [first, second])
    expect((await lab.until(id, "cancelled")).state).toBe("cancelled");
});

it("a rate lets so many start and says when the next may", async () => {
  await rule("paced", { rate: { limit: 2, per: "1h" } });
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push(await lab.submit({ command: quick, queue: "paced" }));
  for (const id of ids.slice(0, 2)) await lab.until(id, "succeeded");
  await untilWhy(ids[2] as string, "rate_limited");
  await rule("paced", {});
  await lab.until(ids[2] as string, "succeeded");
});

it("a unique key stands for the job that has not finished", async () => {
  const spec = { command: endless, unique: { key: "nightly" } };
  const id = await lab.submit(spec);
  expect(await lab.submit(spec)).toBe(id);
  await lab.call("POST", `/v1/jobs/${id}/cancel`);
  await lab.until(id, "cancelled");
  const next = await lab.submit({ ...spec, command: quick });
  expect(next).not.toBe(id);
  await lab.until(next, "succeeded");
});

it("what failed for good is found again and run again", async () => {
  const spec = { script: 'test -e "$MARK"', env: { MARK: "/nowhere" }, queue: "letters" };
  const ids = await Promise.all([1, 2].map(() => lab.submit(spec)));
  for (const id of ids) await lab.until(id, "failed");
  const list = () => lab.call<{ jobs: JobView[] }>("GET", "/v1/dead-letters?queue=letters");
  expect((await list()).jobs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  const { retried } = await lab.call<{ retried: string[] }>("POST", "/v1/dead-letters/retry", {
    filter: { queue: "letters" },
  });
  expect(retried.toSorted()).toEqual(ids.toSorted());
  for (const id of ids) await lab.until(id, "failed", { attempt: 2 });
});

it("a newer job waits for a newer worker while older jobs go on", async () => {
  const newer = await lab.submit({ handler: "resize@^2" });
  await untilWhy(newer, "no_such_version");
  expect(await why(newer)).toMatchObject([{ handler: "resize@^2", announced: ["resize@1.4.0"] }]);
  const older = await lab.submit({ handler: "resize@^1" });
  expect((await lab.until(older, "succeeded")).result).toBe("1.4.0");
  const worker = await lab.addWorker({ name: "new", handlers: handlersOf(2) });
  expect((await lab.until(newer, "succeeded")).result).toBe("2.4.0");
  expect((await lab.job(newer)).worker).toBe(worker.id);
  const view = await lab.call<WorkerView>("GET", `/v1/workers/${worker.id}`);
  expect(view.handlers).toEqual(["resize@2.4.0"]);
  const mixed = await Promise.all(
    ["resize@1.x", "resize@>=2", "resize@1.x", "resize@2"].map((handler) =>
      lab.submit({ handler }),
    ),
  );
  const results = await Promise.all(mixed.map((id) => lab.until(id, "succeeded")));
  expect(results.map(({ result }) => result)).toEqual(["1.4.0", "2.4.0", "1.4.0", "2.4.0"]);
});
