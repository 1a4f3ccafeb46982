// Runs a command or script of a job: from its spec to how the attempt ended.
import { join } from "node:path";

import { durationMs } from "../../shared/durations.ts";
import type { Ending, JobRecord } from "../../shared/job.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import type { Channel, Launched, Launcher, WarningLog } from "../launcher/launcher.ts";
import { commandLine } from "./command-line.ts";
import { endingOf, type StopReason } from "./ending.ts";
import { jobEnvironment } from "./environment.ts";
import { startTimer } from "./long-timer.ts";
import { makeWorkDir, removeWorkDir, type WorkDir } from "./work-dir.ts";

export type CommandRun = {
  record: JobRecord;
  attempt: number;
  /** A promise holds the program back until it settles. */
  output: { write(channel: Channel, bytes: Uint8Array): void | Promise<void> };
  /** Stops the program: TERM, KILL after the spec's grace time. */
  stop: AbortSignal;
  /** Called once, when the program runs; epoch milliseconds. */
  onStarted(at: number): void;
};

/** Disposing waits until the work directories of finished attempts are removed. */
export type CommandRunner = AsyncDisposable & {
  /**
   * Resolves when the program has ended, its output is written and nothing of it is left running.
   * Throws `internal` when the launcher died: the attempt was killed and should be handed back.
   */
  run(args: CommandRun): Promise<Ending>;
};

type Deps = {
  launcher: () => Launcher;
  /** Existing directory in which each attempt gets its own. */
  workRoot: string;
  /** What jobs see of the worker's environment, see `allowedEnvironment`. */
  baseEnv: Record<string, string>;
  workerId: string;
  /** Told when an attempt could not be given a directory: the next ones would fail alike. */
  onDiskFailure?: (error: Error) => void;
  log?: WarningLog;
};

export function createCommandRunner(deps: Deps): CommandRunner {
  const { launcher, workRoot, baseEnv, workerId, onDiskFailure, log } = deps;
  const removals = new Set<Promise<void>>();

  async function run(args: CommandRun): Promise<Ending> {
    const { record, attempt, stop } = args;
    const tag = `${record.id}.${attempt}`;
    const path = join(workRoot, tag);
    try {
      const workDir = await makeWorkDir(path, record.spec).catch((error: Error) => error);
      if (workDir instanceof Error) {
        onDiskFailure?.(workDir);
        const reason = `the work directory cannot be made: ${workDir.message}`;
        return { outcome: "spawn_failed", reason };
      }
      if (stop.aborted) return { outcome: "cancelled" };
      return await follow(launch(args, tag, workDir), args);
    } finally {
      removeLater(path, tag);
    }
  }

  function launch({ record, attempt }: CommandRun, tag: string, workDir: WorkDir): Launched {
    const { id: jobId, spec } = record;
    return launcher().launch({
      argv: commandLine(spec, workDir.script),
      env: jobEnvironment(baseEnv, spec, { jobId, attempt, workerId, workDir: workDir.path }),
      cwd: spec.cwd ?? workDir.path,
      tag,
      stdin: workDir.stdin,
      graceMs: spec.grace === undefined ? SPEC_DEFAULTS.graceMs : durationMs(spec.grace),
    });
  }

  /** In the background: a large directory does not delay the result. */
  function removeLater(path: string, tag: string): void {
    const removal = removeWorkDir(path)
      .catch((error: unknown) =>
        log?.warn({ error, tag, path }, "work directory could not be removed"),
      )
      .then(() => void removals.delete(removal));
    removals.add(removal);
  }

  return {
    run,
    async [Symbol.asyncDispose]() {
      await Promise.all(removals);
    },
  };
}

async function follow(
  launched: Launched,
  { record, output, stop, onStarted }: CommandRun,
): Promise<Ending> {
  let reason: StopReason | undefined;
  let timer: Disposable | undefined;
  const end = (why: StopReason): void => {
    reason ??= why;
    launched.stop();
  };
  const onStop = (): void => end("cancelled");

  launched.onOutput((channel, bytes) => output.write(channel, bytes));
  void launched.started.then(({ at }) => {
    const { timeout } = record.spec;
    if (timeout !== undefined) timer = startTimer(durationMs(timeout), () => end("timed_out"));
    onStarted(at);
  });
  stop.addEventListener("abort", onStop, { once: true });
  try {
    return endingOf(await launched.exit, reason);
  } finally {
    stop.removeEventListener("abort", onStop);
    timer?.[Symbol.dispose]();
  }
}
