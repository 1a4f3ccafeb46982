// Runs an attempt by the means that its spec asks for: a program, or one of the worker's handlers.
import type { Log } from "../shared/io/log.ts";
import type { CommandRunner } from "./command/command.ts";
import type { HandlerRunner } from "./handlers/handler-runner.ts";
import type { LauncherKeeper } from "./launcher-keeper.ts";
import type { RunRequest } from "./run-request.ts";
import type { RunEnd } from "./verdict.ts";

export type Runner = { run(request: RunRequest): Promise<RunEnd> };

export function createRunner(deps: {
  commands: CommandRunner;
  handlers: HandlerRunner;
  launchers: Pick<LauncherKeeper, "ready">;
  log: Log;
}): Runner {
  const { commands, handlers, launchers, log } = deps;

  async function runCommand(request: RunRequest): Promise<RunEnd> {
    await launchers.ready();
    try {
      return { kind: "ended", ending: await commands.run(request) };
    } catch (error) {
      // Nothing that a command does makes this throw: it was this worker that failed the attempt.
      log.error({ event: "command_lost", job: request.record.id, error }, "a command was lost");
      return { kind: "lost", reason: "The worker lost hold of the program and killed it." };
    }
  }

  return {
    run(request) {
      const { handler } = request.record.spec;
      return handler === undefined ? runCommand(request) : handlers.run(handler, request);
    },
  };
}
