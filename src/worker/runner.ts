// Runs an attempt by the means that its spec asks for: a program, or one of the worker's handlers.
import { handlerName } from "../shared/handler-reference.ts";
import type { Log } from "../shared/io/log.ts";
import type { CommandRunner } from "./command/command.ts";
import type { BundleCache, UsedBundle } from "./files/bundle-cache.ts";
import { requireDigest, withoutBundle } from "./files/without-bundle.ts";
import type { HandlerRunner } from "./handlers/handler-runner.ts";
import type { LauncherKeeper } from "./launcher-keeper.ts";
import type { Policy } from "./policy/policy.ts";
import { signatureProblem } from "./policy/signed.ts";
import type { BoxedRequest, RunRequest } from "./run-request.ts";
import type { Sessions } from "./sessions.ts";
import type { RunEnd } from "./verdict.ts";

export type Runner<Request = RunRequest> = { run(request: Request): Promise<RunEnd> };

export function createRunner(deps: {
  commands: CommandRunner;
  handlers: HandlerRunner;
  launchers: Pick<LauncherKeeper, "ready">;
  policy: Pick<Policy, "signers">;
  sessions: Sessions;
  bundles: Pick<BundleCache, "use">;
  now(): number;
  log: Log;
}): Runner<BoxedRequest> {
  const { sessions, bundles, commands, handlers, launchers, policy, now, log } = deps;

  /** The program's files are on the disk before it counts as started. */
  async function runWithBundle(request: BoxedRequest, digest: string): Promise<RunEnd> {
    let bundle: UsedBundle;
    try {
      bundle = await bundles.use(requireDigest(digest), request.stop.signal);
    } catch (error) {
      return withoutBundle(digest, error, request.stop.isRaised);
    }
    using used = bundle;
    return await runCommand(request, used.path);
  }

  async function runCommand(request: BoxedRequest, bundle?: string): Promise<RunEnd> {
    await launchers.ready();
    try {
      return {
        kind: "ended",
        ending: await commands.run({
          ...request,
          ...(bundle === undefined ? {} : { bundle }),
          stop: request.stop.signal,
        }),
      };
    } catch (error) {
      // Nothing that a command does makes this throw: it was this worker that failed the attempt.
      log.error({ event: "command_lost", job: request.record.id, error }, "a command was lost");
      return { kind: "lost", reason: "The worker lost hold of the program and killed it." };
    }
  }

  function runOne(request: BoxedRequest): Promise<RunEnd> {
    const { handler, bundle } = request.record.spec;
    if (handler !== undefined) return handlers.run(handlerName(handler), request);
    return bundle === undefined ? runCommand(request) : runWithBundle(request, bundle);
  }

  return {
    async run(request) {
      const { spec } = request.record;
      const problem = signatureProblem(spec, policy, now());
      if (problem !== undefined)
        return { kind: "ended", ending: { outcome: "spawn_failed", reason: problem } };
      if (request.record.origin?.holds) return sessions.hold(request);
      if (spec.reservation === undefined) return runOne(request);
      const session = await sessions.find(spec.reservation);
      if (session !== undefined) return runOne({ ...request, session });
      const reason = `Reservation ${spec.reservation} is not on this worker.`;
      return { kind: "ended", ending: { outcome: "spawn_failed", reason } };
    },
  };
}
