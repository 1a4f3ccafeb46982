// `millrace run` with nothing running at all.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import type { JobView } from "../../../src/cli/views.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { millrace, nothingLeft, processesWith } from "./millrace.ts";

it.concurrent("needs nothing to be there, keeps the history and leaves nothing behind", async () => {
  await using dir = await tempDir();
  const { start, run, json } = await millrace(dir.path);
  await using command = start("run", "--", "bash", "examples/count.sh", "5");

  const { code, stdout, stderr } = await command.ended;
  expect(stderr).toBe("");
  expect(stdout).toBe("line 1 of 5\nline 2 of 5\nline 3 of 5\nline 4 of 5\nline 5 of 5\n");
  expect(code).toBe(0);
  await nothingLeft(dir.path);

  expect((await run("run", "--", "sh", "-c", "exit 7")).code).toBe(7);

  const missing = await run("run", "--", "no-such-program");
  expect(missing.stderr).toMatch(/no-such-program.*not found/);
  expect(missing).toMatchObject({ code: 203, stdout: "" });

  await using dev = start("dev", "--data-dir", `${dir.path}/run`);
  await dev.printed(/ready/);
  const jobs = await json<JobView>("ls");
  expect(jobs.map(({ state, exitCode }) => [state, exitCode])).toEqual([
    ["failed", undefined],
    ["failed", 7],
    ["succeeded", 0],
  ]);
  dev.signal("SIGTERM");
  expect((await dev.ended).code).toBe(0);
});

it.concurrent("shows a line as soon as it is printed", async () => {
  await using dir = await tempDir();
  const { start } = await millrace(dir.path);
  const go = join(dir.path, "go");
  const script = `echo first; until [ -e ${go} ]; do sleep 0.05; done; echo last`;
  await using command = start("run", "--", "sh", "-c", script);
  await command.printed(/first/);
  await writeFile(go, "");
  expect((await command.ended).stdout).toBe("first\nlast\n");
});

it.concurrent("ends with everything it started when it is killed", async () => {
  await using dir = await tempDir();
  const { start } = await millrace(dir.path);
  await using command = start("run", "--", "sh", "-c", "echo up; sleep 1000 & wait", dir.path);
  await command.printed(/up/);
  expect(processesWith(dir.path).length).toBeGreaterThan(4);
  command.signal("SIGKILL");
  await nothingLeft(dir.path);
});

it.concurrent("does not start anything when a server was named and does not answer", async () => {
  await using dir = await tempDir();
  const ended = await (
    await millrace(dir.path)
  ).run("run", "--url", "http://127.0.0.1:9", "--", "true");
  expect(ended.code).toBe(202);
  expect(ended.stderr).toContain("No Millrace server answers at http://127.0.0.1:9");
  expect(ended.stdout).toBe("");
});

it.concurrent("cancels at the first Ctrl-C and is then gone", async () => {
  await using dir = await tempDir();
  const { start } = await millrace(dir.path);
  const script = `trap 'echo caught; exit 3' TERM; echo up; while :; do sleep 0.05; done`;
  await using command = start("run", "--", "sh", "-c", script);
  await command.printed(/up/);
  command.signal("SIGINT");
  const ended = await command.ended;
  expect(ended.stdout).toBe("up\ncaught\n");
  expect(ended.code).toBe(130);
  await nothingLeft(dir.path);
});
