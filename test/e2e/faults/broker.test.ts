// The broker that dies, fills up or is altered: rows 8, 9, 11, 14 and 26 of the fault table.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { ask, type JobView, type WorkerView } from "../../lab/api.ts";
import { startBroker } from "../../lab/broker.ts";
import { startLab, type Lab, type LabScheduler, type LabWorker } from "../../lab/lab.ts";
import type { Exit } from "../../lab/spawn.ts";
import { until } from "../../lab/until.ts";
import { openText } from "../text-stream.ts";
import { gatherCrowd } from "./crowd.ts";
import { openNotebook, openWitness, shell, untilGone, type Witness } from "./witness.ts";

const FULL = process.env["FULL"] === "1";
const MIB = 2 ** 20;
const SPEC = { command: ["true"] };

const submitTo = (lab: Lab) => ask<JobView & Problem>(`${lab.url}/v1/jobs`, "POST", SPEC);
const untilReady = (lab: Lab) =>
  until(async () => (await fetch(`${lab.url}/readyz`)).ok, "the API to be ready", 30_000);

it.concurrent("row 8: kill -9 and return of the only broker costs no acknowledged job, no worker and no output", async () => {
  await using book = await openNotebook();
  await using lab = await startLab({ schedulers: 2, workers: [{ slots: 3 }] });
  const running = await lab.submit({
    command: shell(
      "echo before",
      book.await("away"),
      "echo meanwhile",
      book.await("back"),
      "echo after",
    ),
  });
  await using follower = await openText(`${lab.url}/v1/jobs/${running}/logs?follow`);
  await follower.until(/before/);
  const ending = await lab.submit({ command: shell(book.await("away"), "echo ended") });
  await lab.until(ending, "running");
  const waiting = await lab.submit({ ...SPEC, delay: "1s" });
  const [worker] = lab.workers as [LabWorker];

  await lab.broker.kill();
  const refused = await until(async () => {
    const answer = await submitTo(lab);
    return answer.status === 503 ? answer : undefined;
  }, "the loss to be told");
  expect(refused.body.code).toBe("broker_unavailable");
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  book.say("away");
  await lab.broker.restart();
  await untilReady(lab);
  const after = await until(
    async () => {
      const { status, body } = await submitTo(lab);
      return status === 202 ? body.id : undefined;
    },
    "a submit to be taken",
    30_000,
  );
  book.say("back");

  for (const id of [running, ending, waiting, after])
    expect((await lab.until(id, "succeeded")).attempts).toMatchObject([
      { number: 1, worker: worker.id, outcome: "exited" },
    ]);
  expect(await lab.output(running)).toBe("before\nmeanwhile\nafter\n");
  expect(await lab.output(ending)).toBe("ended\n");
  expect(await follower.rest()).toBe("before\nmeanwhile\nafter\n");
  expect((await lab.call<{ workers: WorkerView[] }>("GET", "/v1/workers")).workers).toHaveLength(1);
}, 90_000);

it.concurrent(
  "row 9: output that floods while the broker is away is byte-exact afterwards, and memory stays bounded",
  async () => {
    const [floodMb, awayMs] = FULL ? [220, 60_000] : [120, 3_000];
    const aroundMb = 4;
    const total = (floodMb + 2 * aroundMb) * MIB;
    await using book = await openNotebook();
    await using lab = await startLab({ workers: [{ slots: 1 }] });
    const [worker] = lab.workers as [LabWorker];
    const write = (megabytes: number) =>
      `head -c ${megabytes * MIB} /dev/urandom | tee -a ${book.path}/written`;
    const id = await lab.submit({
      command: shell(
        write(aroundMb),
        book.await("away"),
        write(floodMb),
        book.note("flooded"),
        book.await("back"),
        write(aroundMb),
      ),
    });
    const file = `${book.path}/written`;
    const written = () => readFileSync(file);
    await until(() => existsSync(file) && written().length === aroundMb * MIB, "the beginning");
    const before = residentMb(worker.pid);
    await lab.broker.kill();
    book.say("away");
    await book.untilNoted(/flooded/);
    await delay(awayMs);
    expect(residentMb(worker.pid)).toBeLessThan(before + 80);
    await lab.broker.restart();
    book.say("back");
    const job = await lab.until(id, "succeeded");
    expect(job.attempts[0]?.output).toMatchObject({ stdout: total, dropped: 0 });
    const output = Buffer.from(await (await fetch(`${lab.url}/v1/jobs/${id}/logs`)).arrayBuffer());
    expect(sha256(output)).toBe(sha256(written()));
  },
  FULL ? 300_000 : 120_000,
);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const residentMb = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;

it.concurrent("row 11: while the broker is full submits are refused, what runs waits with its end, and nothing is half-written", async () => {
  await using book = await openNotebook();
  await using lab = await startLab();
  await using witness = await openWitness(lab.broker.url);
  const { stream } = witness.broker.subjects.jobs;
  const id = await lab.submit({
    command: shell("echo kept", book.await("end"), book.note("ends")),
  });
  await witness.until(id, "running");
  const { bytes, messages } = await witness.broker.streamState(stream);
  await alter(witness, stream, { max_bytes: bytes });

  const refused = await submitTo(lab);
  expect(refused).toMatchObject({ status: 507, body: { code: "storage_full" } });
  book.say("end");
  await book.untilNoted(/ends/);
  await untilGone(id);
  expect((await witness.record(id)).state).toBe("running");
  expect((await witness.broker.streamState(stream)).messages).toBe(messages);

  await alter(witness, stream, { max_bytes: -1 });
  expect((await lab.until(id, "succeeded")).attempts).toHaveLength(1);
  expect(await lab.output(id)).toBe("kept\n");
  expect((await submitTo(lab)).status).toBe(202);
}, 60_000);

async function alter(witness: Witness, stream: string, changes: object): Promise<void> {
  const { nc } = witness.broker;
  const found = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ config: object }>();
  const config = JSON.stringify({ ...found.config, ...changes });
  const answer = (await nc.request(`$JS.API.STREAM.UPDATE.${stream}`, config)).json<{
    error?: object;
  }>();
  expect(answer.error).toBeUndefined();
}

it.concurrent("row 14: when the broker is back all of many workers are back soon, not all at the same instant, and none is lost", async () => {
  const count = FULL ? 500 : 100;
  await using broker = await startBroker();
  await using lab = await startLab({ on: broker });
  await using crowd = await gatherCrowd(broker.url, count);
  const all = async () => (await lab.call<{ workers: WorkerView[] }>("GET", "/v1/workers")).workers;
  const ready = async () => (await all()).filter(({ status }) => status === "ready").length;
  const untilAllReady = () =>
    until(async () => (await ready()) === count + 1, "all workers to be known as ready", 30_000);
  await untilAllReady();
  const running = await lab.submit({ command: ["sleep", "600"], worker: lab.workers[0]!.id });
  await lab.until(running, "running");
  await broker.kill();
  const returns = crowd.returns();
  await broker.restart();
  const restartedAt = performance.now();
  await until(() => returns.length === count, "all of them to be connected again", 30_000);
  expect(Math.max(...returns) - restartedAt).toBeLessThan(15_000);
  const waits = crowd.waits();
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(100);
  await untilAllReady();
  // The scheduler itself may be among the last to be back.
  const { attempts } = await lab.until(running, "running");
  expect(attempts).toHaveLength(1);
}, 120_000);

/** How it ended; fails when it does not. */
function exitOf({ pid, exited }: LabScheduler | LabWorker): Promise<Exit> {
  let exit: Exit | undefined;
  void exited.then((how) => (exit = how));
  return until(() => exit, `process ${pid} to end`, 60_000);
}

it.concurrent("row 26: a stream that is deleted while in use ends its readers loudly, and is never made anew beside what is left", async () => {
  await using lab = await startLab();
  await using witness = await openWitness(lab.broker.url);
  const [scheduler] = lab.schedulers as [LabScheduler];
  const { stream } = witness.broker.subjects.jobs;
  await lab.until(await lab.submit(SPEC), "succeeded");
  await witness.broker.nc.request(`$JS.API.STREAM.DELETE.${stream}`);
  expect((await submitTo(lab)).status).toBe(503);
  expect((await exitOf(scheduler)).code).not.toBe(0);
  expect(scheduler.stderr()).toContain(`${stream} is gone`);
  await expect(lab.addScheduler()).rejects.toThrow(`in use: ${stream}.`);
  const found = (await witness.broker.nc.request(`$JS.API.STREAM.INFO.${stream}`)).json();
  expect(found).toMatchObject({ error: { err_code: 10_059 } });
});

it.concurrent("row 26: an assignment log that was replaced ends schedulers and workers, who could not tell old from new", async () => {
  await using lab = await startLab();
  await using witness = await openWitness(lab.broker.url);
  const { nc, subjects } = witness.broker;
  const { stream } = subjects.assign;
  for (let i = 0; i < 3; i += 1) await lab.until(await lab.submit(SPEC), "succeeded");
  const { config } = (await nc.request(`$JS.API.STREAM.INFO.${stream}`)).json<{ config: object }>();
  await nc.request(`$JS.API.STREAM.DELETE.${stream}`);
  await nc.request(`$JS.API.STREAM.CREATE.${stream}`, JSON.stringify(config));
  await witness.broker.publish(subjects.assign.to(lab.workers[0]!.id), "{}");
  for (const one of [...lab.schedulers, ...lab.workers]) {
    expect((await exitOf(one)).code).not.toBe(0);
    expect(one.stderr()).toContain(`Stream ${stream} ends at 1`);
  }
});
