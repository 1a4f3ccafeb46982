// `millrace dev` as a whole: side by side, crashing, killed.
import { expect, it } from "vitest";

import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";
import { millrace, nothingLeft, processesWith } from "./millrace.ts";

type Addresses = { url: string; nats: string; dataDir: string };

const pidOf = (stateDir: string, role: string): number => {
  const found = processesWith(stateDir).find((line) => line.includes(` ${role} --json`));
  if (found === undefined) throw new Error(`no ${role} in ${processesWith(stateDir).join("\n")}`);
  return Number.parseInt(found, 10);
};

it("runs twice side by side, each with its own port and directory", async () => {
  await using dir = await tempDir();
  const { start, run, json } = await millrace(dir.path);
  await using first = start("dev", "--json");
  const one = JSON.parse((await first.printed(/.*\n/))[0]) as Addresses;
  await using second = start("dev", "--json");
  const two = JSON.parse((await second.printed(/.*\n/))[0]) as Addresses;

  for (const field of ["url", "nats", "dataDir"] as const) expect(one[field]).not.toBe(two[field]);
  for (const { url } of [one, two]) {
    const lines = await json<{ text?: string }>("run", "--url", url, "--", "echo", url);
    expect(lines.map(({ text }) => text)).toContain(`${url}\n`);
  }

  const taken = await run("dev", "--data-dir", one.dataDir);
  expect(taken).toMatchObject({ code: 202, stderr: expect.stringContaining("already runs on") });

  for (const dev of [first, second]) dev.signal("SIGINT");
  expect((await first.ended).code).toBe(0);
  expect((await second.ended).code).toBe(0);
  await nothingLeft(dir.path);
});

it("leaves nothing behind when it is killed", async () => {
  await using dir = await tempDir();
  const { start, submit } = await millrace(dir.path);
  await using dev = start("dev");
  await dev.printed(/ready/);
  const id = await submit("--", "sh", "-c", "echo up; sleep 1000 & wait", dir.path);
  await using follower = start("logs", "-f", id);
  await follower.printed(/up/);
  follower.signal("SIGKILL");
  expect(processesWith(dir.path).length).toBeGreaterThan(4);
  dev.signal("SIGKILL");
  await nothingLeft(dir.path);
});

it("tells of a crash, starts the part again, and a follower misses and repeats nothing", async () => {
  await using dir = await tempDir();
  const { start, submit, job } = await millrace(dir.path);
  await using dev = start("dev");
  await dev.printed(/ready/);
  const id = await submit("--", "bash", "examples/count.sh", "12");
  await using follower = start("logs", "-f", id);
  await follower.printed(/line 3 /);
  process.kill(pidOf(dir.path, "scheduler"), "SIGKILL");
  await dev.printed(/the scheduler was ended by SIGKILL/);
  const { stdout, code } = await follower.ended;
  expect(stdout).toBe(Array.from({ length: 12 }, (_, at) => `line ${at + 1} of 12\n`).join(""));
  expect(code).toBe(0);

  process.kill(pidOf(dir.path, "worker"), "SIGKILL");
  await dev.printed(/starting worker 1 again/);
  const next = await submit("--", "true");
  await until(
    async () => (await job(next)).state === "succeeded",
    "a job on the new worker",
    30_000,
  );
  dev.signal("SIGTERM");
  expect((await dev.ended).code).toBe(0);
});
