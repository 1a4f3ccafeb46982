// The commands about jobs, workers and queues, against one `millrace dev`.
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobView, QueueView, WorkerView } from "../../../src/cli/views.ts";
import { tempDir, type TempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { type Millrace, millrace, nothingLeft, type Running } from "./millrace.ts";

let dir: TempDir;
let dev: Running;
let cli: Millrace;

beforeAll(async () => {
  dir = await tempDir();
  cli = await millrace(dir.path);
  dev = cli.start("dev", "--slots", "4", "--workers", "2", "--label", "zone=a");
  await dev.printed(/Broker/);
  await until(async () => (await cli.json("workers")).length === 2, "two workers");
});

afterAll(async () => {
  dev.signal("SIGTERM");
  await dev.ended;
  await dev[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

const untilState = (id: string, state: string) =>
  until(async () => (await cli.job(id)).state === state, `job ${id} ${state}`);
const endless = (word: string) => ["sh", "-c", `echo ${word}; while :; do sleep 0.05; done`];

describe.concurrent("run", () => {
  it.each([
    ["the job's own code", ["--", "sh", "-c", "exit 7"], 7],
    ["a code of 200 and more", ["--", "sh", "-c", "exit 230"], 230],
    ["a signal", ["--", "sh", "-c", "kill -9 $$"], 137],
    ["a program that is not there", ["--", "no-such-program"], 203],
    ["a directory that is not there", ["--cwd", "/no/such/dir", "--", "true"], 203],
    ["a timeout", ["--timeout", "100ms", "--grace", "1s", "--", "sleep", "60"], 208],
    ["a start that came too late", ["--require", "no", "--start-within", "1s", "--", "true"], 204],
    ["a field that the server refuses", ["--queue", "no.queue", "--", "true"], 201],
    ["an option that is none", ["--no-such-option", "--", "true"], 201],
    ["nothing to run", [], 201],
  ])("exits by %s", async (_what, args, code) => {
    expect((await cli.run("run", ...args)).code).toBe(code);
  });

  it("keeps the channels apart and bytes as they are", async () => {
    const bytes = randomBytes(3_000_000);
    const file = join(dir.path, "random");
    await writeFile(file, bytes);
    const ended = await cli.run("run", "--", "sh", "-c", `cat ${file}; echo whispered >&2`);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toBe("whispered\n");
    expect(sha256(ended.bytes)).toBe(sha256(bytes));
  });

  it("gives a script its arguments, variables and input", async () => {
    const script = join(dir.path, "script");
    const input = join(dir.path, "input");
    await writeFile(script, '#!/bin/sh\necho "$1 $WORD $(cat)"\n');
    await writeFile(input, "in");
    const what = ["--script", script, "--stdin", input, "--env", "WORD=var", "--", "arg"];
    expect(await cli.run("run", ...what)).toMatchObject({ code: 0, stdout: "arg var in\n" });
  });

  it("runs in the caller's directory, as a local command does", async () => {
    expect((await cli.run("run", "--", "pwd")).stdout).toBe(`${process.cwd()}\n`);
  });

  it("says all as JSON lines when asked", async () => {
    type Line = { kind: string; exitCode?: number; text?: string };
    const lines = await cli.json<Line>("run", "--", "echo", "hello");
    expect(lines.map(({ kind }) => kind)).toEqual(["submitted", "chunk", "end", "finished"]);
    expect(lines[1]).toMatchObject({ channel: "stdout", text: "hello\n" });
    expect(lines[3]).toMatchObject({ exitCode: 0, job: { state: "succeeded" } });
  });

  it("cancels at the first Ctrl-C", async () => {
    await using command = cli.start("run", "--", ...endless(`cancel-${dir.path}`));
    await command.printed(/cancel-/);
    command.signal("SIGINT");
    expect((await command.ended).code).toBe(130);
    await nothingLeft(`cancel-${dir.path}`);
  });

  it("leaves the job alone at the second Ctrl-C", async () => {
    const script = `trap '' TERM; echo up; while :; do sleep 0.05; done`;
    await using command = cli.start("run", "--grace", "3s", "--", "sh", "-c", script);
    await command.printed(/up/);
    command.signal("SIGINT");
    const [, id] = await command.printed(/cancelling (\w+)/);
    command.signal("SIGINT");
    const ended = await command.ended;
    expect(ended.code).toBe(207);
    expect(ended.stderr).toContain(`left job ${id}`);
    await untilState(id!, "cancelled");
  });

  it("ends its job when nobody reads the output any more", async () => {
    await using command = cli.start("run", "--", "sh", "-c", "while :; do echo spam; done");
    await command.printed(/spam/);
    command.closeOutput();
    expect((await command.ended).code).toBe(141);
  });
});

describe("a job that was submitted", () => {
  it("is followed, replayed from the end, waited for and shown", async () => {
    const go = join(dir.path, "go");
    const script = `echo one; until [ -e ${go} ]; do sleep 0.05; done; echo two; echo three`;
    const id = await cli.submit("--label", "app=test", "--", "sh", "-c", script);
    await using follower = cli.start("logs", "-f", id);
    await follower.printed(/one/);
    expect((await cli.job(id)).state).toBe("running");
    await writeFile(go, "");
    expect((await follower.ended).stdout).toBe("one\ntwo\nthree\n");

    expect((await cli.run("wait", id)).code).toBe(0);
    expect((await cli.run("logs", "-n", "2", id)).stdout).toBe("two\nthree\n");
    expect((await cli.run("logs", "--channel", "stderr", id)).stdout).toBe("");
    expect((await cli.run("get", id)).stdout).toMatch(/succeeded[^]*app=test[^]*attempt 1/);
    expect((await cli.run("why", id)).stdout).toContain("succeeded");

    const [listed] = await cli.json<JobView>("ls", "--label", "app=test");
    expect(listed).toMatchObject({ id, state: "succeeded", labels: { app: "test" } });
  });

  it("waits with a reason, is cancelled, and runs again when asked", async () => {
    const id = await cli.submit("--require", "zone=b", "--", "true");
    expect((await cli.run("why", id)).stdout).toMatch(/zone=b[^]*2 workers fewer, 0 left/);
    expect((await cli.run("cancel", "--reason", "not today", id)).code).toBe(0);
    const waited = await cli.run("wait", id);
    expect(waited).toMatchObject({ code: 205, stdout: expect.stringContaining("cancelled") });
    expect((await cli.run("cancel", id)).stderr).toMatch(/already/);

    const failing = await cli.submit("--", "sh", "-c", "exit 3");
    expect((await cli.run("wait", failing, id)).code).toBe(3);
    await cli.run("retry", failing);
    await untilState(failing, "failed");
    expect((await cli.job(failing)).attempts).toHaveLength(2);
  });

  it("is the same job when submitted again with its key", async () => {
    const what = ["--idempotency-key", "once", "--", "true"];
    expect(await cli.submit(...what)).toBe(await cli.submit(...what));
  });

  it("is not found under an id that nobody has", async () => {
    const ended = await cli.run("get", "a".repeat(20));
    expect(ended).toMatchObject({ code: 200, stderr: expect.stringContaining("no job") });
    expect((await cli.run("get", "../workers")).code).toBe(201);
  });
});

describe("queues and workers", () => {
  it("hold jobs back and let them go", async () => {
    await cli.run("queues", "pause", "held");
    const id = await cli.submit("--queue", "held", "--", "true");
    expect((await cli.run("why", id)).stdout).toContain("paused");
    await cli.run("queues", "set", "held", "--max-running", "2");
    const held = (await cli.json<QueueView>("queues")).find(({ name }) => name === "held");
    expect(held).toMatchObject({ paused: true, maxRunning: 2, depth: { queued: 1 } });
    await cli.run("queues", "resume", "held");
    expect((await cli.run("wait", id)).code).toBe(0);
  });

  it("are taken out of service one by one", async () => {
    const [first, second] = await cli.json<WorkerView>("workers");
    await cli.run("cordon", first!.id);
    const status = async (id: string) =>
      (await cli.json<WorkerView>("workers")).find((worker) => worker.id === id)?.status;
    await until(async () => (await status(first!.id)) === "cordoned", "the worker's cordon");
    const id = await cli.submit("--", "true");
    await cli.run("wait", id);
    expect((await cli.job(id)).worker).toBe(second!.id);
    await cli.run("uncordon", first!.id);
    await until(async () => (await status(first!.id)) === "ready", "the end of the cordon");

    const running = await cli.submit("--worker", first!.id, "--", "sleep", "1");
    await untilState(running, "running");
    await cli.run("drain", first!.id);
    expect((await cli.run("wait", running)).code).toBe(0);
    await until(async () => (await status(first!.id)) === undefined, "the worker's leave");
    await dev.printed(/worker \d exited with 0/);
  });

  it("are judged by the doctor", async () => {
    const ended = await cli.run("doctor");
    expect(ended.stdout).toMatch(/ok +leader/);
    expect(ended.stdout).toMatch(/ok +durability +one copy/);
    expect(ended.code).toBe(0);
    expect((await cli.run("doctor", "--url", "http://127.0.0.1:9")).code).toBe(2);
  });
});

it("writes no escapes and no progress into a pipe", async () => {
  for (const command of [
    ["ls"],
    ["workers"],
    ["queues"],
    ["doctor"],
    ["--help"],
    ["run", "true"],
  ]) {
    const { stdout, stderr } = await cli.run(...command);
    expect(`${stdout}${stderr}`.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  }
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
