// Runs a command or script of a job: from its spec to how the attempt ended.
import { join } from "node:path";

import { durationMs } from "../../shared/durations.ts";
import type { Session } from "../../shared/handler.ts";
import type { Ending, JobRecord } from "../../shared/job.ts";
import { SPEC_DEFAULTS } from "../../shared/spec.ts";
import type { ArtifactBox } from "../artifacts/artifact-box.ts";
import type { Launched, Launcher, WarningLog } from "../launcher/launcher.ts";
import { onAbort } from "../on-abort.ts";
import { NO_GROUPS, type AttemptGroup, type ControlGroups } from "../policy/control-groups.ts";
import { permit, type Permit } from "../policy/permit.ts";
import { OPEN_POLICY, type Policy } from "../policy/policy.ts";
import { commandLine } from "./command-line.ts";
import { endingOf, type StopReason } from "./ending.ts";
import { jobEnvironment } from "./environment.ts";
import { startTimer } from "./long-timer.ts";
import { withoutSecrets, type Output } from "./masked-output.ts";
import { makeWorkDir, removeWorkDir, type WorkDir } from "./work-dir.ts";

export type CommandRun = {
  record: JobRecord;
  attempt: number;
  output: Output;
  /** Gets the files that the spec wants to be kept. */
  artifacts?: Pick<ArtifactBox, "collect">;
  /** That of the reservation that the job runs in. */
  session?: Session;
  /** Directory whose content the attempt starts with a copy of. */
  bundle?: string;
  /** Stops the program: TERM, KILL after the spec's grace time. */
  stop: AbortSignal;
  /** Asked right before the program is started; default: it may. */
  mayStart?(): boolean | Promise<boolean>;
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

/** Where the C library looks when nobody says. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

type Deps = {
  launcher: () => Launcher;
  /** Existing directory in which each attempt gets its own. */
  workRoot: string;
  /** What jobs see of the worker's environment, see `allowedEnvironment`. */
  baseEnv: Record<string, string>;
  workerId: string;
  /** Default: anything may run. */
  policy?: Policy;
  /** Default: there are none. */
  groups?: Pick<ControlGroups, "open">;
  /** Told when an attempt could not be given a directory: the next ones would fail alike. */
  onDiskFailure?: (error: Error) => void;
  log?: WarningLog;
};

export function createCommandRunner(deps: Deps): CommandRunner {
  const { launcher, workRoot, baseEnv, workerId, onDiskFailure, log } = deps;
  const { policy = OPEN_POLICY, groups = NO_GROUPS } = deps;
  const searchPath = baseEnv["PATH"] ?? DEFAULT_PATH;
  const removals = new Set<Promise<void>>();

  async function run(args: CommandRun): Promise<Ending> {
    const { record, attempt, bundle, stop } = args;
    const tag = `${record.id}.${attempt}`;
    const path = join(workRoot, tag);
    try {
      const workDir = await makeWorkDir(path, record.spec, policy.user, bundle).catch(
        (error: Error) => error,
      );
      if (workDir instanceof Error) {
        onDiskFailure?.(workDir);
        const reason = `the work directory cannot be made: ${workDir.message}`;
        return { outcome: "spawn_failed", reason, workersFault: true };
      }
      const argv = commandLine(record.spec, workDir.script);
      const allowed = await permit(record.spec, argv, policy, searchPath);
      if (stop.aborted) return { outcome: "cancelled" };
      if ("refused" in allowed) return { outcome: "spawn_failed", reason: allowed.refused };
      const output = withoutSecrets(args.output, Object.values(allowed.secrets));
      const ending = await runInGroup({ ...args, output }, tag, workDir, allowed);
      await collect(args, workDir, ending);
      return ending;
    } finally {
      removeLater(path, tag);
    }
  }

  /** Where it has a group, nothing of the attempt is left in it afterwards. */
  async function runInGroup(
    args: CommandRun,
    tag: string,
    workDir: WorkDir,
    allowed: Permit,
  ): Promise<Ending> {
    await using group = await groups.open(tag, allowed.limits);
    // making all this ready took time, in which the worker may have stood still
    if ((await args.mayStart?.()) === false) return { outcome: "cancelled" };
    const ending = await follow(launch(args, tag, workDir, allowed, group), args);
    const reason = ending.outcome === "signalled" ? await group.whyKilled() : undefined;
    return reason === undefined ? ending : { ...ending, reason };
  }

  function launch(
    { record, attempt, session, bundle }: CommandRun,
    tag: string,
    workDir: WorkDir,
    { argv, secrets }: Permit,
    { request }: AttemptGroup,
  ): Launched {
    const { id: jobId, spec } = record;
    const shared = session === undefined ? {} : { MILLRACE_SESSION: session.dir };
    const env = { ...spec.env, ...secrets, ...shared };
    return launcher().launch({
      argv,
      env: jobEnvironment(
        baseEnv,
        { env },
        { jobId, attempt, workerId, workDir: workDir.path },
        record.origin,
      ),
      ...request,
      ...(policy.user === undefined ? {} : { user: policy.user }),
      cwd: spec.cwd ?? (bundle === undefined ? session?.dir : undefined) ?? workDir.path,
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

/** Also what a failed program left may help; nobody waits for a cancelled one. */
async function collect(
  { record: { spec }, artifacts }: CommandRun,
  { path, given }: WorkDir,
  { outcome }: Ending,
): Promise<void> {
  if (spec.artifacts === undefined || outcome === "cancelled" || outcome === "spawn_failed") return;
  await artifacts?.collect(path, spec.artifacts, given);
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

  launched.onOutput((channel, bytes) => output.write(channel, bytes));
  void launched.started.then(({ at }) => {
    const { timeout } = record.spec;
    if (timeout !== undefined) timer = startTimer(durationMs(timeout), () => end("timed_out"));
    onStarted(at);
  });
  using _stop = onAbort(stop, () => end("cancelled"));
  try {
    const exit = await launched.exit;
    await output.finish?.();
    return endingOf(exit, reason, record.spec.limits !== undefined);
  } finally {
    timer?.[Symbol.dispose]();
  }
}
