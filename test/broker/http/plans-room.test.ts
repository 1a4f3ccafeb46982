// Runs of definitions and schedules keep to what queues and unique keys say, as submits do.
import { afterAll, beforeAll, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { until } from "../../lab/until.ts";
import { startHttpLab, type HttpLab } from "./http-lab.ts";

let lab: HttpLab;
beforeAll(async () => {
  lab = await startHttpLab();
  await lab.first.call("PUT", "/v1/queues/narrow", { maxQueued: 1 });
  await until(() => lab.first.view.queueSettings("narrow"), "the bound to be known");
  await lab.submit({ command: ["true"], queue: "narrow" });
  await until(() => lab.first.view.waitingIn("narrow") === 1, "the queue to be full");
});
afterAll(() => lab?.[Symbol.asyncDispose]());

type Started = Problem & { id: string; run: string };
const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  lab.first.call<Started>(method, path, body, headers);
const narrow = { command: ["true"], queue: "narrow" };

it("refuses a run of a definition that its queue has no room for, but not the repetition of one", async () => {
  await call("PUT", "/v1/definitions/bounded", { spec: narrow });
  const run = () => call("POST", "/v1/definitions/bounded/runs", {}, { "Idempotency-Key": "once" });
  expect(await run()).toMatchObject({ status: 429, body: { code: "queue_full" } });
  await call("PUT", "/v1/queues/narrow", { maxQueued: 2 });
  await until(() => lab.first.view.queueSettings("narrow")?.maxQueued === 2, "the new bound");
  const first = await run();
  expect(first.status).toBe(202);
  await until(() => lab.first.view.waitingIn("narrow") === 2, "the queue to be full again");
  expect(await run()).toMatchObject({ status: 202, body: { id: first.body.id } });
});

it("refuses to trigger a schedule while there is no room", async () => {
  await call("PUT", "/v1/schedules/bounded", { cron: "@yearly", spec: narrow });
  const answer = await call("POST", "/v1/schedules/bounded/trigger");
  expect(answer).toMatchObject({ status: 429, body: { code: "queue_full" } });
});

it("answers with the job that stands for the unique key", async () => {
  const spec = { command: ["true"], unique: { key: "report" } };
  const id = await lab.submit(spec);
  await call("PUT", "/v1/definitions/report", { spec });
  const answer = await call("POST", "/v1/definitions/report/runs", {});
  expect(answer).toMatchObject({ status: 200, body: { id } });
  expect(answer.headers.get("unique-existing")).toBe("true");
  await call("PUT", "/v1/schedules/report", { cron: "@yearly", spec });
  expect((await call("POST", "/v1/schedules/report/trigger")).body.run).toBe(id);
});
