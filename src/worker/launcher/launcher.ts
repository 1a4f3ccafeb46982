// The worker's side of the launcher: starts the launcher process, gives it attempts to run, and clears up if it dies.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { MillraceError } from "../../shared/errors.ts";
import { linkFrames, readJson } from "./frame-link.ts";
import type { Launched, Launcher, LaunchSpec, WarningLog } from "./launch.ts";
import { LaunchedAttempt } from "./launched-attempt.ts";
import { signalGroup } from "./process-group.ts";
import { FRAME, TAG_VARIABLE, type SpawnRequest, type Strays } from "./protocol.ts";
import { createSweeper } from "./sweeper.ts";
import { within } from "./within.ts";

export type {
  Channel,
  Launched,
  Launcher,
  LaunchExit,
  LaunchSpec,
  OutputListener,
  WarningLog,
} from "./launch.ts";

const READY_MS = 10_000;
const LEAVE_MS = 5_000;

/** Its heap stays small, and less of it means a cheaper fork for every program. */
const FLAGS = ["--max-semi-space-size=1", "--single-threaded"];
/** Node cannot run TypeScript: from the sources, as tests do, the built launcher is started. */
const ENTRY = fileURLToPath(
  new URL("main.js", import.meta.url.replace(/\/src\/(worker\/launcher\/)[^/]+\.ts$/, "/dist/$1")),
);

/**
 * Starts a launcher process. `env` is its own environment, which every job of the same user can read: nothing by default.
 * Throws `internal` when it does not come up.
 */
export async function startLauncher(
  options: { log?: WarningLog; env?: Record<string, string> } = {},
): Promise<Launcher> {
  const { log, env = {} } = options;
  const { child, pid } = await spawnLauncher(env);
  const attempts = new Map<number, { attempt: LaunchedAttempt; tag: string }>();
  let lastNumber = 0;
  let closing = false;
  let lost: string | undefined;
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => (onReady = resolve));

  function receive(type: number, number: number, payload: Uint8Array): void {
    if (type === FRAME.ready) return onReady();
    if (type === FRAME.strays)
      return log?.warn(
        readJson(payload) as Strays,
        "processes outlived their attempt and were killed",
      );
    // Being killed by the close is no end of its own.
    if (closing) return;
    if (attempts.get(number)?.attempt.receive(type, payload)) attempts.delete(number);
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
      left.map(async ({ attempt, tag }) => {
        const group = attempt.pid ?? 0;
        if (group > 0) signalGroup(group, "SIGKILL");
        await sweeper.sweep({ tag, group, urgent: true });
        attempt.lose(reason);
      }),
    );
  }

  function launch(spec: LaunchSpec): Launched {
    const number = (lastNumber += 1);
    const attempt = new LaunchedAttempt({
      send: (type, payload) => link.send(type, number, payload),
      credit: (bytes) => link.sendCount(FRAME.credit, number, bytes),
    });
    if (lost !== undefined) {
      attempt.lose(lost);
      return attempt;
    }
    attempts.set(number, { attempt, tag: spec.tag });
    link.sendJson(FRAME.spawn, number, {
      ...spec,
      env: { ...spec.env, [TAG_VARIABLE]: spec.tag },
    } satisfies SpawnRequest);
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
  return { pid, closed, launch, [Symbol.asyncDispose]: close };
}

async function spawnLauncher(env: Record<string, string>) {
  // In a session of its own, so that Ctrl-C in a terminal reaches the worker alone.
  const child = spawn(process.execPath, [...FLAGS, ENTRY], {
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
