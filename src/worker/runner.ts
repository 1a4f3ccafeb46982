// Runs an attempt by the means that its spec asks for: a program, or one of the worker's handlers.
import type { JobRecord } from "../shared/job.ts";
import type { Progress } from "../shared/messages.ts";
import type { CommandRunner } from "./command/command.ts";
import type { HandlerRunner } from "./handlers/handler-runner.ts";
import type { LauncherKeeper } from "./launcher-keeper.ts";
import type { OutputSink } from "./output/sink.ts";
import type { RunEnd } from "./verdict.ts";

export type RunRequest = {
  record: JobRecord;
  attempt: number;
  output: Pick<OutputSink, "write">;
  /** Aborts with a StopReason. */
  stop: AbortSignal;
  /** Called once, with epoch milliseconds, when it really runs. */
  onStarted(at: number): void;
  onProgress(progress: Progress): void;
  /** Called when the run counts as over although its code goes on until the promise settles. */
  onLingering(settled: Promise<unknown>): void;
};

export type Runner = { run(request: RunRequest): Promise<RunEnd> };

export function createRunner(deps: {
  commands: CommandRunner;
  handlers: HandlerRunner;
  launchers: Pick<LauncherKeeper, "ready">;
}): Runner {
  const { commands, handlers, launchers } = deps;

  async function runCommand(request: RunRequest): Promise<RunEnd> {
    await launchers.ready();
    const ending = await commands.run(request);
    return { kind: "ended", ending };
  }

  return {
    run(request) {
      const { handler } = request.record.spec;
      return handler === undefined ? runCommand(request) : handlers.run(handler, request);
    },
  };
}
