// A worker as the product assembles it; its jobs are handlers that do what their input says, and write down that they did.
import type { HandlerContext } from "../../src/shared/handler.ts";
import { pause } from "../../src/shared/io/lifecycle.ts";
import { assembleWorker, type AssembledWorker } from "../../src/worker/assembly.ts";
import { NO_GROUPS } from "../../src/worker/policy/control-groups.ts";
import { OPEN_POLICY } from "../../src/worker/policy/policy.ts";
import { serve } from "../../src/worker/worker.ts";
import { NO_LAUNCHER } from "../lab/no-launcher.ts";
import { noteEnd, openStation, type Stage, type Station } from "./stage.ts";

export type WorkerPlan = {
  name: string;
  slots: number;
  labels: Record<string, string>;
};

export type WorkerStation = Station & {
  readonly id: string;
  readonly plan: WorkerPlan;
  readonly worker: AssembledWorker;
  /** Finishes what runs, for so long, and leaves. */
  drain(): void;
};

/** What a simulated job does. */
export type Work = {
  ms: number;
  /** Attempts that fail before one succeeds. */
  fails: number;
  /** Goes on for so long after it was told to stop. */
  deafMs: number;
  lines: number;
};

export const HANDLER = "work";
const DRAIN_MS = 3_000;

export function startWorker(
  stage: Stage,
  id: string,
  plan: WorkerPlan,
  predecessors: string[],
): WorkerStation {
  const station = openStation(stage, id);
  const { broker, enter } = station;
  const { log, chronicle } = stage;
  const stop = { drain: new AbortController(), now: new AbortController() };
  const worker = assembleWorker({
    config: {
      natsUrl: "",
      prefix: "mr",
      workRoot: "",
      spoolRoot: "",
      bundleCacheBytes: 0,
      drainTimeoutMs: DRAIN_MS,
      logLevel: "silent",
      baseEnv: {},
      ...plan,
    },
    workerId: id,
    broker,
    home: {
      workDir: "",
      bundleDir: "",
      leftBundles: [],
      spoolDir: "",
      predecessors,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    launchers: NO_LAUNCHER,
    policy: OPEN_POLICY,
    groups: NO_GROUPS,
    handlers: new Map([
      [HANDLER, { name: HANDLER, run: (work, context) => run(work as Work, context) }],
    ]),
    log,
  });

  async function run(work: Work, context: HandlerContext): Promise<void> {
    const { jobId: job, attempt, signal } = context;
    let stdout = 0;
    const line = (what: "start" | "end", exitCode?: number) =>
      chronicle.note({
        kind: "line",
        at: chronicle.now(),
        what,
        job,
        attempt,
        worker: id,
        pid: 0,
        seed: 0,
        stdout,
        stderr: 0,
        ...(exitCode === undefined ? {} : { exitCode }),
      });
    line("start");
    const ended = chronicle.running({ host: station.host, job, attempt });
    for (let count = 0; count < work.lines; count += 1) {
      void context.log("a line");
      stdout += "a line\n".length;
    }
    await pause(work.ms, signal);
    if (signal.aborted) await pause(work.deafMs);
    const failed = signal.aborted || attempt <= work.fails;
    line("end", failed ? 1 : 0);
    ended();
    if (failed) throw new Error("It failed.");
  }

  enter(() => {
    const { name, slots, labels } = plan;
    chronicle.note({ kind: "worker", at: chronicle.now(), worker: id, name, slots, labels });
    const ways = { drain: stop.drain.signal, now: stop.now.signal };
    const serving = serve(worker, {
      launchers: NO_LAUNCHER,
      stop: ways,
      drainTimeoutMs: DRAIN_MS,
      log,
    });
    noteEnd(stage, station, serving);
  });
  return { ...station, id, plan, worker, drain: () => enter(() => stop.drain.abort()) };
}
