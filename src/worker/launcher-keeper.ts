// Keeps one launcher running: when it dies, its attempts are over and the next ones get a new one.
import { aborted, pause, type Service } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import { startLauncher, type Launcher, type LauncherKind } from "./launcher/launcher.ts";

export type LauncherKeeper = Service &
  AsyncDisposable & {
    /** The newest launcher, which may have died just now. */
    current(): Launcher;
    /** Resolves when the current launcher is believed to be alive. */
    ready(): Promise<void>;
  };

const MAX_STARTS = 5;
const RETRY_MS = 1_000;

/** `run` throws when no launcher can be started any more. */
export async function keepLauncher(deps: {
  log: Log;
  kind?: LauncherKind | undefined;
}): Promise<LauncherKeeper> {
  const { log } = deps;
  let launcher = await start();
  let starting: Promise<void> | undefined;
  let closing = false;

  async function start(): Promise<Launcher> {
    const started = await startLauncher(deps);
    const { kind, pid } = started;
    log.info({ event: "launcher_started", kind, pid }, `the ${kind} launcher starts the programs`);
    return started;
  }

  async function restart(signal: AbortSignal): Promise<void> {
    for (let starts = 1; !signal.aborted; starts += 1) {
      try {
        launcher = await start();
        return;
      } catch (error) {
        if (starts === MAX_STARTS) throw error;
        log.error({ event: "launcher_failed", error }, "the launcher did not start");
      }
      await pause(RETRY_MS, signal);
    }
  }

  return {
    name: "launcher",
    current: () => launcher,
    ready: () => starting ?? Promise.resolve(),
    async run(signal) {
      const stopped = aborted(signal);
      while (!signal.aborted) {
        await Promise.race([launcher.closed, stopped]);
        if (signal.aborted || closing) return stopped;
        log.error(
          { event: "launcher_died", pid: launcher.pid },
          "the launcher died; starting another",
        );
        starting = restart(signal);
        await starting;
        starting = undefined;
      }
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      await launcher[Symbol.asyncDispose]();
    },
  };
}
