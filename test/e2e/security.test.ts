// From nothing to a guarded installation, with real processes: broker, scheduler, first key, invited worker, revoked worker.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startGuardedBroker, type GuardedBroker } from "../lab/guarded-broker.ts";
import { spawnNode, type Spawned } from "../lab/spawn.ts";
import { until } from "../lab/until.ts";

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Disposed at the end, the last first. */
const owned: AsyncDisposable[] = [];
let broker: GuardedBroker;
let url: string;
let admin: string;

async function start(args: readonly string[]): Promise<Spawned> {
  const child = await spawnNode(MILLRACE, args, { XDG_STATE_HOME: broker.dir });
  owned.push(child);
  return child;
}

/** Runs a command to its end, as somebody. */
async function millrace(token: string, ...args: string[]) {
  const [name = "", ...rest] = args;
  const child = await start([
    name,
    ...rest.slice(0, 1),
    `--url=${url}`,
    `--token=${token}`,
    ...rest.slice(1),
  ]);
  const { code } = await child.exited;
  return { code, stdout: child.stdout().trim(), stderr: child.stderr() };
}

const startWorker = (name: string, ...args: string[]) =>
  start([
    "worker",
    "--json",
    `--name=${name}`,
    `--nats=${broker.url}`,
    `--nats-nkey=${join(broker.dir, `${name}.nk`)}`,
    `--work-root=${join(broker.dir, "work")}`,
    `--spool-root=${join(broker.dir, "spool")}`,
    ...args,
  ]);

beforeAll(async () => {
  broker = await startGuardedBroker();
  owned.push(broker);
  const asScheduler = [`--nats=${broker.url}`, `--nats-nkey=${broker.files.scheduler}`];
  const scheduler = await start([
    "scheduler",
    "--json",
    "--port=0",
    "--auth",
    `--enrol-key=${broker.files.enrol}`,
    ...asScheduler,
  ]);
  url = (await scheduler.printed(/"url":"([^"]+)"/, 60_000))[1]!;
  const made = await start(["keys", "create", "root", "--role=admin", ...asScheduler]);
  await made.exited;
  admin = made.stdout().trim();
});
afterAll(async () => {
  for (const one of owned.toReversed()) await one[Symbol.asyncDispose]();
});

test("an invited worker runs what a caller with a key submits, and nobody else gets anywhere", async () => {
  expect(admin).toMatch(/^mrk_/);
  const invitation = await millrace(admin, "enrol", "invite", "build-1");
  const worker = await startWorker("build-1", `--join=${invitation.stdout}`);
  await worker.printed(/"worker":"build-1-/, 60_000);

  const clerk = (await millrace(admin, "keys", "create", "clerk", "--role=submitter")).stdout;
  const ran = await millrace(clerk, "run", "--json", "--", "sh", "-c", "echo guarded; exit 3");
  expect(ran.code).toBe(3);
  expect(ran.stdout).toContain("guarded");

  expect((await millrace("mrk_nobody", "ls", "--json")).stderr).toContain("invalid_token");
  expect((await millrace(clerk, "enrol", "invite", "build-2")).stderr).toContain("workers:admin");
  const uninvited = await startWorker("build-2", "--join=mrj_rubbish");
  expect((await uninvited.exited).code).not.toBe(0);
  expect(uninvited.stderr()).toContain("does not let us in");
});

test("a revoked worker is out: its job is lost, and it does not come back", async () => {
  const { stdout: job } = await millrace(admin, "submit", "--json", "--", "sleep", "600");
  const { id } = JSON.parse(job) as { id: string };
  const read = async () => {
    const headers = { Authorization: `Bearer ${admin}` };
    const [answer, workers] = await Promise.all(
      [`/v1/jobs/${id}`, "/v1/workers"].map(async (path) =>
        (await fetch(url + path, { headers })).json(),
      ),
    );
    return { state: (answer as { state: string }).state, workers: JSON.stringify(workers) };
  };
  await until(async () => (await read()).state === "running", "the job to run", 60_000);
  expect((await millrace(admin, "enrol", "revoke", "build-1")).code).toBe(0);
  const again = await startWorker("build-1");
  expect((await again.exited).code).not.toBe(0);
  expect(again.stderr()).toContain("does not let us in");
  expect((await millrace(admin, "cancel", id)).code).toBe(0);
});
