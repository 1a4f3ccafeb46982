// Reservations: one worker's slots for a while, a session that their jobs share, and nothing left behind.
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { connect, type Millrace } from "../../src/index.ts";
import { ask, type JobPage, type WorkerView } from "../lab/api.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { spawnNode } from "../lab/spawn.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";
import { consoleBlocks, fillIn, normalise } from "./readme/console-blocks.ts";
import { openShell } from "./readme/shell.ts";

type View = { id: string; state: string; worker?: string; jobs: string[] };

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));

// the core plays 10,000 of them
const ROUNDS = process.env["FULL"] === "1" ? 300 : 25;

let lab: Lab;
let millrace: Millrace;

beforeAll(async () => {
  lab = await startLab({
    workers: [
      { name: "wide", slots: 4, handlers: HANDLERS, labels: { size: "wide" } },
      { name: "narrow", slots: 1, labels: { size: "narrow" } },
    ],
  });
  millrace = await connect({ url: lab.url });
});
afterAll(async () => {
  await millrace.close();
  await lab[Symbol.asyncDispose]();
});

const url = () => `${lab.url}/v1/reservations`;
const wide = ["size=wide"];
const narrow = ["size=narrow"];
const used = async (name: string): Promise<number> => {
  const { id } = lab.workers.find((worker) => worker.id.startsWith(`${name}-`))!;
  return (await lab.call<WorkerView>("GET", `/v1/workers/${id}`)).slots.used;
};
const queued = () => lab.call<JobPage>("GET", "/v1/jobs?state=queued");
const settled = (name: string) => until(async () => (await used(name)) === 0, `${name} to be free`);

it("holds slots of a worker, where its jobs share a directory and an object", async () => {
  const reservation = await millrace.reserve({ require: wide, slots: 2 });
  expect(reservation.worker).toMatch(/^wide-/);
  expect(await used("wide")).toBe(2);
  const first = await reservation.submit({ script: "echo from the first > note; pwd" });
  expect(await millrace.wait(first)).toMatchObject({ exitCode: 0, worker: reservation.worker });
  const second = await reservation.submit({
    script: 'cat note; test "$PWD" = "$MILLRACE_SESSION"',
  });
  expect(await millrace.wait(second)).toMatchObject({ exitCode: 0 });
  expect(await lab.output(second)).toBe("from the first\n");
  expect(await reservation.run("visit", undefined)).toEqual({ visits: 1, lines: 1 });
  expect(await reservation.run("visit", undefined)).toEqual({ visits: 2, lines: 2 });
  expect(await millrace.run("visit", undefined)).toEqual({ visits: 0, lines: 0 });

  const running = await reservation.submit({ script: "sleep 600" });
  await lab.until(running, "running");
  await reservation.release();
  expect(await millrace.wait(running)).toMatchObject({ state: "cancelled" });
  await settled("wide");
  await expect(reservation.submit({ command: ["true"] })).rejects.toMatchObject({
    code: expect.stringMatching(/reservation_over|not_found/),
  });
  await until(
    async () =>
      (await lab.call<{ reservations: View[] }>("GET", "/v1/reservations")).reservations.length ===
      0,
    "the reservation to be forgotten",
  );
});

it("says at once, or after the wait that was asked for, that all are busy or none could ever match", async () => {
  await using held = await millrace.reserve({ require: narrow });
  await expect(millrace.reserve({ require: narrow })).rejects.toMatchObject({
    code: "workers_busy",
  });
  await expect(millrace.reserve({ require: ["gpu"], waitBusy: "1m" })).rejects.toMatchObject({
    code: "reservation_unmatched",
  });
  await expect(
    millrace.reserve({ require: narrow, slots: 2, waitBusy: "1m" }),
  ).rejects.toMatchObject({
    code: "reservation_unmatched",
  });
  const patient = millrace.reserve({ require: narrow, waitBusy: "30s" });
  await held.release();
  await (await patient).release();
  await settled("narrow");
});

it("ends with its time unless it is renewed", async () => {
  const reservation = await millrace.reserve({ require: narrow, ttl: "1s" });
  await reservation.renew("1h");
  const job = await reservation.submit({ script: "sleep 600" });
  await lab.until(job, "running");
  await reservation.renew("1s");
  expect(await millrace.wait(job)).toMatchObject({ state: "cancelled" });
  await settled("narrow");
  await expect(reservation.renew()).rejects.toMatchObject({
    code: expect.stringMatching(/reservation_over|not_found/),
  });
});

it("leaves nothing of a caller who goes away while waiting", async () => {
  await using held = await millrace.reserve({ require: narrow });
  const gone = new AbortController();
  const waiting = millrace.reserve({ require: narrow, waitBusy: "10m", signal: gone.signal });
  await until(async () => (await queued()).jobs.length === 1, "the request to wait");
  gone.abort();
  await expect(waiting).rejects.toThrow("abort");
  await until(async () => (await queued()).jobs.length === 0, "the request to be gone");
  await held.release();
  await settled("narrow");
});

it("never misses a slot that is freed as the request arrives", async () => {
  let held = await millrace.reserve({ require: narrow });
  for (let round = 0; round < ROUNDS; round += 1) {
    const [next] = await Promise.all([
      millrace.reserve({ require: narrow, waitBusy: "20s" }),
      held.release(),
    ]);
    expect(next.worker).toBe(held.worker);
    held = next;
  }
  await held.release();
  await settled("narrow");
});

async function command(...args: string[]) {
  await using child = await spawnNode(MILLRACE, args, { MILLRACE_URL: lab.url });
  const { code } = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

it("is held by `millrace reserve` for the time of a command, whose jobs run in it", async () => {
  const run = `"${process.execPath}" "${MILLRACE}" run --`;
  const script = `${run} sh -c 'echo kept > note' && ${run} cat note && "${process.execPath}" "${MILLRACE}" reservations && exit 7`;
  const ran = await command("reserve", "--require=size=narrow", "--", "sh", "-c", script);
  expect(ran).toMatchObject({ code: 7, stdout: expect.stringMatching(/^kept\n.*held.*narrow-/s) });
  await settled("narrow");

  await using held = await spawnNode(
    MILLRACE,
    [
      "reserve",
      "--require=size=narrow",
      "--ttl=1h",
      "--",
      "sh",
      "-c",
      "echo begun; exec sleep 600",
    ],
    { MILLRACE_URL: lab.url },
  );
  await held.printed(/begun/, 60_000);
  expect((await command("reserve", "--require=size=narrow", "--", "true")).stderr).toContain(
    "busy",
  );
  expect((await held.kill("SIGTERM")).code).toBe(128 + 15);
  await settled("narrow");
});

it("ends with a word when it is released under its command", async () => {
  await using holder = await spawnNode(
    MILLRACE,
    [
      "reserve",
      "--require=size=narrow",
      "--ttl=1s",
      "--",
      "sh",
      "-c",
      "echo begun; exec sleep 600",
    ],
    { MILLRACE_URL: lab.url },
  );
  await holder.printed(/begun/, 60_000);
  const [{ id }] = (await lab.call<{ reservations: [View] }>("GET", "/v1/reservations"))
    .reservations;
  expect(await command("reservations", "release", id)).toMatchObject({ code: 0 });
  expect(await holder.exited).toMatchObject({ code: 206 });
  await settled("narrow");
});

it("is not for jobs that are made while nobody is there, nor for a second life of its own", async () => {
  await using held = await millrace.reserve({ require: narrow });
  const inside = { command: ["true"], reservation: held.id };
  const makers: [string, object, string][] = [
    ["definitions/thief", { spec: inside }, "spec.reservation"],
    ["schedules/thief", { cron: "@daily", spec: inside }, "spec.reservation"],
  ];
  for (const [path, body, field] of makers)
    expect((await ask(`${lab.url}/v1/${path}`, "PUT", body)).body).toMatchObject({
      code: "invalid_spec",
      field,
    });
  await held.release();
  await lab.until(held.id, "cancelled");
  expect((await ask(`${lab.url}/v1/jobs/${held.id}/retry`, "POST")).body).toMatchObject({
    code: "reservation_over",
  });
  await settled("narrow");
});

it("prints what docs/reservations.md shows", async () => {
  const text = await readFile(new URL("../../docs/reservations.md", import.meta.url), "utf8");
  await using bin = await tempDir();
  // what is run inside of what the page shows is to find it too
  const npx = join(bin.path, "npx");
  await writeFile(npx, `#!/bin/sh\nshift\nexec '${process.execPath}' '${MILLRACE}' "$@"\n`);
  await chmod(npx, 0o755);
  await using shell = await openShell(`PATH='${bin.path}':"$PATH"`, {
    MILLRACE_URL: lab.url,
    NO_COLOR: undefined,
  });
  const steps = consoleBlocks(text).flat();
  expect(steps.length).toBeGreaterThan(4);
  for (const { line, command: typed, expected } of steps) {
    const here = typed.replaceAll("http://localhost:7070", lab.url);
    const printed = normalise(await shell.run(here));
    const shown = fillIn(normalise(expected), printed);
    expect({ line, printed }).toEqual({ line, printed: shown });
  }
});

it.each([
  ["invalid_spec", "POST", "", { slots: 0 }],
  ["invalid_spec", "POST", "", { ttl: "1ms" }],
  ["invalid_spec", "POST", "", { require: ["==="] }],
  ["invalid_spec", "POST", "", { colour: "red" }],
  ["invalid_id", "GET", "/nonsense", undefined],
  ["not_found", "DELETE", `/${"0".repeat(20)}`, undefined],
  ["not_found", "POST", `/${"0".repeat(20)}/renew`, {}],
])("refuses with %s: %s %s %j", async (code, method, path, body) => {
  expect((await ask(`${url()}${path}`, method, body)).body).toMatchObject({ code });
});
