// Runs an attempt by the means that its spec asks for: a program, or one of the worker's handlers.
import { handlerName } from "../shared/handler-reference.ts";
import type { Log } from "../shared/io/log.ts";
import type { CommandRunner } from "./command/command.ts";
import type { HandlerRunner } from "./handlers/handler-runner.ts";
import type { LauncherKeeper } from "./launcher-keeper.ts";
import type { Policy } from "./policy/policy.ts";
import { signatureProblem } from "./policy/signed.ts";
import type { RunRequest } from "./run-request.ts";
import type { RunEnd } from "./verdict.ts";

export type Runner = { run(request: RunRequest): Promise<RunEnd> };

export function createRunner(deps: {
  commands: CommandRunner;
  handlers: HandlerRunner;
  launchers: Pick<LauncherKeeper, "ready">;
  policy: Pick<Policy, "signers">;
  now(): number;
  log: Log;
}): Runner {
  const { commands, handlers, launchers, policy, now, log } = deps;

  async function runCommand(request: RunRequest): Promise<RunEnd> {
    await launchers.ready();
    try {
      return {
        kind: "ended",
        ending: await commands.run({ ...request, stop: request.stop.signal }),
      };
    } catch (error) {
      // Nothing that a command does makes this throw: it was this worker that failed the attempt.
      log.error({ event: "command_lost", job: request.record.id, error }, "a command was lost");
      return { kind: "lost", reason: "The worker lost hold of the program and killed it." };
    }
  }

  return {
    async run(request) {
      const { spec } = request.record;
      const problem = signatureProblem(spec, policy, now());
      if (problem !== undefined)
        return { kind: "ended", ending: { outcome: "spawn_failed", reason: problem } };
      const { handler } = spec;
      return handler === undefined
        ? runCommand(request)
        : handlers.run(handlerName(handler), request);
    },
  };
}
