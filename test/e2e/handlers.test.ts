// Handler jobs: functions that only some workers announce.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { Why, WorkerView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { openText } from "./text-stream.ts";

const handlers = fileURLToPath(new URL("handlers", import.meta.url));

let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ workers: [{ name: "plain" }, { name: "skilled", handlers }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const skilled = () => lab.workers.find(({ id }) => id.startsWith("skilled-"))!;

it("run where they are announced, and their result is the job's", async () => {
  const { handlers: announced } = await lab.call<WorkerView>("GET", `/v1/workers/${skilled().id}`);
  expect(announced).toEqual(expect.arrayContaining(["halve", "wait-for-stop"]));
  for (const number of [2, 4, 6]) {
    const id = await lab.submit({ handler: "halve", input: { number } });
    const { result } = await lab.until(id, "succeeded");
    expect(result).toEqual({ half: number / 2, attempt: 1, worker: skilled().id });
  }
});

it("wait, with the reason, where nobody announces them", async () => {
  const id = await lab.submit({ handler: "quarter" });
  const { reasons } = await lab.call<Why>("GET", `/v1/jobs/${id}/why`);
  expect(reasons).toMatchObject([{ code: "no_such_handler", handler: "quarter" }]);
  await lab.call("POST", `/v1/jobs/${id}/cancel`);
  await lab.until(id, "cancelled");
});

it("are tried again by their own policy, but not for input that can never fit", async () => {
  const odd = await lab.submit({ handler: "halve", input: { number: 3 } });
  const threw = await lab.until(odd, "failed", { attempt: 2 });
  expect(threw).toMatchObject({ outcome: "threw", reason: expect.stringContaining("3 is odd") });

  const wrong = await lab.submit({ handler: "halve", input: { number: "three" } });
  const refused = await lab.until(wrong, "failed");
  expect(refused).toMatchObject({ outcome: "invalid_input", attempt: 1 });
  expect(refused.reason).toContain("input.number");
});

it("hear of a cancel by their signal, and can still say something", async () => {
  const id = await lab.submit({ handler: "wait-for-stop" });
  await using follower = await openText(`${lab.url}/v1/jobs/${id}/logs?follow`);
  await follower.until(/waiting/);
  await lab.call("POST", `/v1/jobs/${id}/cancel`);
  await lab.until(id, "cancelled");
  expect(await follower.rest()).toBe("waiting\nstopped\n");
});
