// The installation whose parts die: a broker, two schedulers and three workers, each a process, with default settings.
import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { awaitJetStream } from "../../src/shared/io/broker-ready.ts";
import type { JobSpec } from "../../src/shared/spec.ts";
import { ask, demand, type JobView, type Stats } from "../../test/lab/api.ts";
import type { TestBroker } from "../../test/lab/broker.ts";
import { freePorts } from "../../test/lab/ports.ts";
import { spawnNode, type Spawned } from "../../test/lab/spawn.ts";
import { spawnServer } from "../../test/lab/spawned-broker.ts";
import { tempDir } from "../../test/lab/temp-dir.ts";
import { until } from "../../test/lab/until.ts";

export type Member = { process: Spawned; id: string };

export type Fleet = AsyncDisposable & {
  /** Its `restart` resolves when its port is open. */
  readonly broker: TestBroker;
  readonly workers: Member[];
  readonly schedulers: Member[];
  /** Resolves when all schedulers would give it work; `args` are further options. */
  addWorker(...args: string[]): Promise<Member>;
  /** Starts one on the port of a dead one; resolves when it answers and knows the leader. */
  restartScheduler(dead: Member): Promise<void>;
  leader(): Promise<Member>;
  submit(spec: JobSpec, url?: string): Promise<string>;
  job(id: string): Promise<JobView>;
  output(id: string, attempt: number): Promise<string>;
  /** What jobs wrote to the file that `$JOURNAL` names, line by line, each line split at blanks. */
  journal(): Promise<string[][]>;
  /** A script that is told the journal. */
  scriptOf(text: string): JobSpec;
};

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const READY_MS = 60_000;

export async function startFleet(): Promise<Fleet> {
  const dir = await tempDir();
  const broker = await spawnServer({});
  await awaitJetStream(broker.url);
  const journal = join(dir.path, "journal");
  await writeFile(journal, "");
  const schedulers: Member[] = [];
  const workers: Member[] = [];
  let started = 0;

  async function start(...args: string[]): Promise<Member> {
    const child = await spawnNode(MILLRACE, [...args, `--nats=${broker.url}`, "--json"]);
    const [, id = ""] = await child.printed(/"(?:worker|url)":"([^"]+)"/, READY_MS);
    return { process: child, id };
  }

  async function addScheduler(port: number): Promise<void> {
    const scheduler = await start("scheduler", `--port=${port}`);
    schedulers.push(scheduler);
    const isReady = async () =>
      (await fetch(`${scheduler.id}/readyz`)).ok && (await stats(scheduler.id)).leader;
    await until(isReady, `${scheduler.id} to be ready`, READY_MS);
  }

  async function addWorker(...args: string[]): Promise<Member> {
    started += 1;
    const home = join(dir.path, `host-${started}`);
    const roots = [`--work-root=${join(home, "work")}`, `--spool-root=${join(home, "spool")}`];
    const worker = await start("worker", `--name=w${started}`, "--slots=4", ...roots, ...args);
    workers.push(worker);
    const isKnown = async () => {
      const answers = schedulers.map(({ id }) => demand(`${id}/v1/workers/${worker.id}`, "GET"));
      return Promise.all(answers);
    };
    await until(isKnown, `${worker.id} to be known`, READY_MS);
    return worker;
  }

  const anyUrl = () => schedulers[randomInt(schedulers.length)]?.id ?? "";

  const fleet: Fleet = {
    broker,
    workers,
    schedulers,
    addWorker,
    async restartScheduler(dead) {
      schedulers.splice(schedulers.indexOf(dead), 1);
      await addScheduler(Number(new URL(dead.id).port));
    },
    leader: () =>
      until(async () => {
        const { leader } = await stats(anyUrl());
        return schedulers.find(({ id }) => id === leader?.url);
      }, "a leader that lives"),
    submit: async (spec, url = anyUrl()) =>
      (await demand<JobView>(`${url}/v1/jobs`, "POST", spec)).id,
    job: (id) => demand<JobView>(`${anyUrl()}/v1/jobs/${id}`, "GET"),
    output: async (id, attempt) =>
      (await ask<string>(`${anyUrl()}/v1/jobs/${id}/logs?attempt=${attempt}`, "GET")).body,
    journal: async () =>
      (await readFile(journal, "utf8"))
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split(" ")),
    scriptOf: (script) => ({ script, env: { JOURNAL: journal } }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...workers, ...schedulers].map((one) => one.process.kill("SIGKILL")));
      await broker[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };

  try {
    for (const port of await freePorts(2)) await addScheduler(port);
    await Promise.all([addWorker(), addWorker(), addWorker()]);
    return fleet;
  } catch (error) {
    await fleet[Symbol.asyncDispose]();
    throw error;
  }
}

const stats = (url: string) => demand<Stats>(`${url}/v1/stats`, "GET");
