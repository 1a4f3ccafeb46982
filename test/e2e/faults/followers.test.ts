// Followers that do not read, and followers that vanish: row 13 of the fault table.
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, it } from "vitest";

import { startLab, type LabScheduler } from "../../lab/lab.ts";
import { freePorts } from "../../lab/ports.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, shell } from "./witness.ts";

const FULL = process.env["FULL"] === "1";
const MEGABYTES = 60;
const STUCK = 5;
const VANISHING = FULL ? 1_000 : 200;

const residentMb = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;
/** Connections that a client keeps for its next request come and go. */
const SPARE = 10;
const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** Asks for the output and never reads the answer. */
async function followWithoutReading(scheduler: LabScheduler, id: string): Promise<AsyncDisposable> {
  const { hostname, port } = new URL(scheduler.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket
    .pause()
    .write(`GET /v1/jobs/${id}/logs?follow HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    },
  };
}

it("row 13: followers that do not read hold up neither the job nor others, and nothing piles up for them", async () => {
  await using book = await openNotebook();
  await using lab = await startLab();
  const [scheduler] = lab.schedulers as [LabScheduler];
  const id = await lab.submit({
    command: shell(book.await("go"), `head -c ${MEGABYTES * 2 ** 20} /dev/zero`),
  });
  await lab.until(id, "running");
  const before = residentMb(scheduler.pid);
  const stuck = await Promise.all(
    Array.from({ length: STUCK }, () => followWithoutReading(scheduler, id)),
  );
  const reading = fetch(`${lab.url}/v1/jobs/${id}/logs?follow`);
  book.say("go");
  const job = await lab.until(id, "succeeded");
  expect(job.attempts[0]?.output).toMatchObject({ stdout: MEGABYTES * 2 ** 20, dropped: 0 });
  const whole = await (await reading).arrayBuffer();
  expect(whole.byteLength).toBe(MEGABYTES * 2 ** 20);
  expect(residentMb(scheduler.pid) - before).toBeLessThan(STUCK * MEGABYTES * 0.6);
  for (const one of stuck) await one[Symbol.asyncDispose]();
}, 120_000);

it("row 13: a crowd of followers that vanish leaves nothing open", async () => {
  const [port] = await freePorts(1);
  await using lab = await startLab({ broker: { http: `127.0.0.1:${port}` } });
  const subscriptions = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/varz`);
    return ((await response.json()) as { subscriptions: number }).subscriptions;
  };
  const [scheduler] = lab.schedulers as [LabScheduler];
  const id = await lab.submit({ command: shell("echo one", "sleep 600") });
  await lab.until(id, "running");
  const before = openFiles(scheduler.pid);
  const subscribed = await subscriptions();
  const gone = new AbortController();
  const follow = async () => {
    const { body } = await fetch(`${lab.url}/v1/jobs/${id}/logs?follow`, { signal: gone.signal });
    const reader = body!.getReader();
    await reader.read();
    return reader.read().catch(() => undefined);
  };
  const followers = Array.from({ length: VANISHING }, follow);
  await until(
    () => openFiles(scheduler.pid) >= before + VANISHING - SPARE,
    "all followers to be there",
    60_000,
  );
  expect(await subscriptions()).toBeGreaterThan(subscribed);
  gone.abort();
  await Promise.allSettled(followers);
  await until(
    () => openFiles(scheduler.pid) <= before + SPARE,
    "their connections to be closed",
    30_000,
  );
  await until(
    async () => (await subscriptions()) <= subscribed,
    "nobody to listen to the output any more",
    30_000,
  );
  await lab.call("POST", `/v1/jobs/${id}/cancel`);
  expect((await lab.until(id, "cancelled")).attempts).toHaveLength(1);
}, 120_000);
