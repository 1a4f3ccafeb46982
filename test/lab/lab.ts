// A whole Millrace of a test's own: a broker, and schedulers and workers as separate processes of the built program.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { isFinal } from "../../src/shared/job.ts";
import type { JobSpec } from "../../src/shared/spec.ts";
import { demand, type JobView, type Stats, type WorkerView } from "./api.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import { reports } from "./reports.ts";
import { spawnNode, type Exit, type Spawned } from "./spawn.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

export type LabProcessOptions = {
  /** Address of the broker as this one sees it; default: the broker's own. */
  nats?: string;
  /** Further options of the command line. */
  args?: readonly string[];
  /** Laid over the test's own environment. */
  env?: NodeJS.ProcessEnv;
};

export type LabWorkerOptions = LabProcessOptions & {
  /** First part of the worker's id; default "worker". */
  name?: string;
  /** Default 2. */
  slots?: number;
  labels?: Readonly<Record<string, string>>;
  /** Directory of handler modules. */
  handlers?: string;
};

export type LabOptions = {
  /** How many; default 1. */
  schedulers?: number;
  /** Default: one. */
  workers?: readonly LabWorkerOptions[];
  /** Settings of the broker, in nats-server's own words. */
  broker?: Readonly<Record<string, unknown>>;
  /** Brokers that the test has started itself and ends itself; then the lab has none of its own. */
  on?: { readonly url: string };
  /** Further options of every command line. */
  args?: readonly string[];
};

type LabProcess = {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Sends the signal (default SIGTERM) and resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  stderr(): string;
};
export type LabScheduler = LabProcess & { readonly url: string };
export type LabWorker = LabProcess & { readonly id: string };

export type Lab = AsyncDisposable & {
  /** The lab's own broker. */
  readonly broker: TestBroker;
  readonly schedulers: readonly LabScheduler[];
  readonly workers: readonly LabWorker[];
  /** Where the first scheduler answers. */
  readonly url: string;
  /** Resolves when the scheduler knows what there is and somebody leads. */
  addScheduler(options?: LabProcessOptions): Promise<LabScheduler>;
  /** Resolves when every living scheduler would give it work. */
  addWorker(options?: LabWorkerOptions): Promise<LabWorker>;
  /** Submits to the first living scheduler and returns the id. */
  submit(spec: JobSpec): Promise<string>;
  job(id: string): Promise<JobView>;
  /** Waits for the state, or for this attempt to be the newest in it. Fails at once when the job ends otherwise. */
  until(id: string, state: JobView["state"], want?: { attempt?: number }): Promise<JobView>;
  /** The job's output so far, as bytes in a text. */
  output(id: string): Promise<string>;
  /** The process that has the job's newest attempt. */
  ownerOf(id: string): Promise<LabWorker>;
  /** The scheduler that places jobs, as the living ones say. */
  leader(): Promise<LabScheduler>;
  /** Asks the first living scheduler; throws what a refusal says. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
};

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** For machines that are busy with other things, too. */
const UNTIL_MS = 60_000;

/** Starts all of it and resolves when it is ready for jobs; disposing ends it without goodbye. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { schedulers = 1, workers = [{}] } = options;
  const lab = await openLab(options);
  try {
    for (let i = 0; i < schedulers; i += 1) await lab.addScheduler();
    await Promise.all(workers.map(lab.addWorker));
    return lab;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

/** A broker and nothing else yet. */
async function openLab(options: LabOptions): Promise<Lab> {
  const dir = await tempDir();
  const own = options.on === undefined ? await startBroker(options.broker) : undefined;
  const { url: brokerUrl } = own ?? options.on!;
  const spawned: Spawned[] = [];
  const schedulers: LabScheduler[] = [];
  const workers: LabWorker[] = [];
  const gone = new Set<LabProcess>();
  const living = () => schedulers.filter((scheduler) => !gone.has(scheduler));

  async function spawn(
    role: string,
    args: readonly string[],
    { nats = brokerUrl, args: more = [], env }: LabProcessOptions,
  ): Promise<Spawned> {
    const all = [role, "--json", `--nats=${nats}`, ...args, ...(options.args ?? []), ...more];
    const child = await spawnNode(MILLRACE, all, env);
    spawned.push(child);
    reports.push(() => `--- ${role} ${child.pid}\n${child.stderr()}`);
    return child;
  }

  function keep<T extends LabProcess>(list: T[], one: T): T {
    list.push(one);
    void one.exited.then(() => gone.add(one));
    return one;
  }

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const [scheduler] = living();
    if (scheduler === undefined) throw new Error("no scheduler is left to ask");
    return demand<T>(`${scheduler.url}${path}`, method, body);
  }

  const job = (id: string) => call<JobView>("GET", `/v1/jobs/${id}`);

  async function addScheduler(of: LabProcessOptions = {}): Promise<LabScheduler> {
    const child = await spawn("scheduler", ["--port=0"], of);
    const [, url] = await child.printed(/"url":"([^"]+)"/, UNTIL_MS);
    const isReady = async () =>
      (await fetch(`${url}/readyz`)).ok &&
      (await demand<Stats>(`${url}/v1/stats`, "GET")).leader !== undefined;
    await until(isReady, `the scheduler at ${url} to be ready`, UNTIL_MS);
    return keep(schedulers, { ...child, url: url! });
  }

  async function addWorker(of: LabWorkerOptions = {}): Promise<LabWorker> {
    const { name = "worker", slots = 2, labels = {}, handlers } = of;
    const args = [
      `--name=${name}`,
      `--slots=${slots}`,
      ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
      ...(handlers === undefined ? [] : [`--handlers=${handlers}`]),
      `--work-root=${join(dir.path, "work")}`,
      `--spool-root=${join(dir.path, "spool")}`,
    ];
    const child = await spawn("worker", args, of);
    const [, id] = await child.printed(/"worker":"([^"]+)"/, UNTIL_MS);
    const isKnown = async () => {
      const views = living().map(({ url }) => demand<WorkerView>(`${url}/v1/workers/${id}`, "GET"));
      return (await Promise.all(views)).every(({ status }) => status === "ready");
    };
    await until(isKnown, `worker ${id} to be known`, UNTIL_MS);
    return keep(workers, { ...child, id: id! });
  }

  return {
    get broker() {
      if (own === undefined) throw new Error("this lab has no broker of its own");
      return own;
    },
    schedulers,
    workers,
    get url() {
      return schedulers[0]!.url;
    },
    addScheduler,
    addWorker,
    call,
    job,
    submit: async (spec) => (await call<JobView>("POST", "/v1/jobs", spec)).id,
    output: (id) => call<string>("GET", `/v1/jobs/${id}/logs`),
    async until(id, state, { attempt = 0 } = {}) {
      let last: JobView | undefined;
      const arrived = async () => {
        last = await job(id);
        return (last.state === state && last.attempt >= attempt) || isFinal(last.state);
      };
      await until(arrived, `job ${id} to be ${state}`, UNTIL_MS);
      if (last?.state === state) return last;
      throw new Error(`job ${id} should be ${state}: ${JSON.stringify(last)}`);
    },
    async ownerOf(id) {
      const { worker } = await job(id);
      const owner = workers.find((one) => one.id === worker);
      if (owner === undefined) throw new Error(`job ${id} is on ${worker}, which is not ours`);
      return owner;
    },
    leader: () =>
      until(
        async () => {
          const { leader } = await call<Stats>("GET", "/v1/stats");
          return living().find(({ url }) => url === leader?.url);
        },
        "a living leader",
        UNTIL_MS,
      ),
    async [Symbol.asyncDispose]() {
      for (const child of spawned.toReversed()) await child[Symbol.asyncDispose]();
      await own?.[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
