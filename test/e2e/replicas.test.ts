// Three brokers, `--replicas 3`: the one that leads the records is killed while jobs run.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "nats";
import { expect, it } from "vitest";

import { demand, type JobView, type Stats, type WorkerView } from "../lab/api.ts";
import { startCluster } from "../lab/cluster.ts";
import { spawnNode } from "../lab/spawn.ts";
import { tempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const WAIT_MS = 60_000;

/** Index of the server that leads the records; `replicas` is how many have them. */
async function recordKeeper(servers: string): Promise<{ leader: number; replicas: number }> {
  const connection = await connect({ servers: servers.split(",") });
  try {
    const { config, cluster } = await (await jetstreamManager(connection)).streams.info("MR_JOBS");
    return { leader: Number(cluster?.leader?.replace("lab-", "")), replicas: config.num_replicas };
  } finally {
    await connection.close();
  }
}

it("runs every job once and keeps all output when a broker dies under them", async () => {
  await using cluster = await startCluster();
  await using dir = await tempDir();
  const spawn = (role: string, ...args: string[]) =>
    spawnNode(MILLRACE, [role, "--json", `--nats=${cluster.url}`, ...args]);
  await using scheduler = await spawn("scheduler", "--port=0", "--replicas=3");
  const [, url] = await scheduler.printed(/"url":"([^"]+)"/, WAIT_MS);
  const roots = ["work", "spool"].map((root) => `--${root}-root=${join(dir.path, root)}`);
  await using worker = await spawn("worker", "--slots=4", ...roots);
  await worker.printed(/"worker":/, WAIT_MS);

  const get = <T>(path: string) => demand<T>(`${url}${path}`, "GET");
  const isReady = async () => {
    const { workers } = await get<{ workers: WorkerView[] }>("/v1/workers");
    return workers.length > 0 && (await get<Stats>("/v1/stats")).leader !== undefined;
  };
  await until(isReady, "leader and worker", WAIT_MS);
  const submit = async (name: number) => {
    const command = ["sh", "-c", `for i in 1 2 3; do echo ${name}.$i; sleep 0.5; done`];
    return (await demand<JobView>(`${url}/v1/jobs`, "POST", { command })).id;
  };
  const state = async (id: string) => (await get<JobView>(`/v1/jobs/${id}`)).state;

  const ids: string[] = [];
  for (let name = 0; name < 12; name += 1) ids.push(await submit(name));
  const { leader, replicas } = await recordKeeper(cluster.url);
  expect(replicas).toBe(3);
  await until(async () => (await state(ids[0]!)) === "running", "the first job to run", WAIT_MS);
  await cluster.servers[leader]!.kill();

  ids.push(await until(() => submit(12), "a job to be accepted again", WAIT_MS));
  for (const [name, id] of ids.entries()) {
    await until(async () => (await state(id)) === "succeeded", `job ${name} to succeed`, WAIT_MS);
    const log = `${name}.1\n${name}.2\n${name}.3\n`;
    const whole = async () => (await get<string>(`/v1/jobs/${id}/logs`)) === log;
    await until(whole, `all output of job ${name}`, WAIT_MS);
    expect((await get<JobView>(`/v1/jobs/${id}`)).attempt).toBe(1);
  }
}, 180_000);
