// Starts one launcher process, gives it attempts to run, and clears up if it dies.
import { spawn } from "node:child_process";
import { once } from "node:events";

import { MillraceError } from "../../shared/errors.ts";
import { TurnoverMap } from "../../shared/turnover-map.ts";
import { linkFrames } from "./frame-link.ts";
import type { Launched, Launcher, LaunchSpec, WarningLog } from "./launch.ts";
import { LaunchedAttempt } from "./launched-attempt.ts";
import type { LauncherProgram } from "./launcher-program.ts";
import { decodeStrays, encodeSpawn, isSpeakable } from "./payloads.ts";
import { signalGroup } from "./process-group.ts";
import { FRAME, TAG_VARIABLE } from "./protocol.ts";
import { createSweeper } from "./sweeper.ts";
import { within } from "./within.ts";

const READY_MS = 10_000;
const LEAVE_MS = 5_000;

/** `env` is the launcher's own environment, which every job of the same user can read. Throws `internal` when it does not come up. */
export async function connectLauncher(
  program: LauncherProgram,
  options: { log?: WarningLog | undefined; env: Record<string, string> },
): Promise<Launcher> {
  const { log, env } = options;
  const { child, pid } = await spawnLauncher(program, env);
  const attempts = new TurnoverMap<number, LaunchedAttempt>();
  let lastNumber = 0;
  let closing = false;
  let lost: string | undefined;
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => (onReady = resolve));

  function receive(type: number, number: number, payload: Uint8Array): void {
    if (type === FRAME.ready) return onReady();
    if (type === FRAME.strays)
      return log?.warn(decodeStrays(payload), "processes outlived their attempt and were killed");
    // Being killed by the close is no end of its own.
    if (closing) return;
    if (attempts.get(number)?.receive(type, payload)) attempts.delete(number);
  }

  // A launcher that cannot be talked to is of no use; what it ran is cleared up as after any other death.
  const link = linkFrames(child.stdout, child.stdin, receive, () => child.kill("SIGKILL"));
  const closed = new Promise<string>((resolve) => {
    child.once("close", (code, signal) =>
      resolve(`the launcher process ended (${signal ?? `exit code ${code}`})`),
    );
  }).then(clearUp);

  async function clearUp(reason: string): Promise<void> {
    lost = reason;
    onReady();
    const sweeper = createSweeper();
    const left = [...attempts.values()];
    attempts.clear();
    await Promise.all(
      left.map(async (attempt) => {
        const { pid: group = 0, tag } = attempt;
        if (group > 0) signalGroup(group, "SIGKILL");
        await sweeper.sweep({ tag, group, urgent: true });
        attempt.lose(reason);
      }),
    );
  }

  function launch(spec: LaunchSpec): Launched {
    const number = (lastNumber += 1);
    const request = { ...spec, env: { ...spec.env, [TAG_VARIABLE]: spec.tag } };
    const attempt = new LaunchedAttempt(request, (type, payload) =>
      link.send(type, number, payload),
    );
    if (lost !== undefined) {
      attempt.lose(lost);
    } else if (!isSpeakable(request)) {
      attempt.refuse("EINVAL", "an argument or a variable holds a NUL byte");
    } else {
      attempts.set(number, attempt);
      link.send(FRAME.spawn, number, encodeSpawn(request));
    }
    return attempt;
  }

  async function close(): Promise<void> {
    closing = true;
    link.end();
    if (!(await within(closed, LEAVE_MS))) child.kill("SIGKILL");
    await closed;
  }

  if (!(await within(ready, READY_MS)) || lost !== undefined) {
    await close();
    throw new MillraceError(
      "internal",
      `The launcher did not start: ${lost}. Its standard error says why.`,
    );
  }
  return { kind: program.kind, pid, closed, launch, [Symbol.asyncDispose]: close };
}

async function spawnLauncher({ file, args }: LauncherProgram, env: Record<string, string>) {
  // In a session of its own, so that Ctrl-C in a terminal reaches the worker alone.
  const child = spawn(file, args, {
    cwd: "/",
    env,
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (child.pid !== undefined) return { child, pid: child.pid };
  const [cause] = (await once(child, "error")) as [Error];
  throw new MillraceError("internal", `The launcher could not be started: ${cause.message}`, {
    cause,
  });
}
