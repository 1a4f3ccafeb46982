// The worker's side of the launcher: chooses which one to start.
import { MillraceError } from "../../shared/errors.ts";
import { connectLauncher } from "./connect-launcher.ts";
import type { Launcher, WarningLog } from "./launch.ts";
import { nativeLauncher, NODE_LAUNCHER, type LauncherKind } from "./launcher-program.ts";

export type {
  Channel,
  Launched,
  Launcher,
  LaunchExit,
  LaunchSpec,
  OutputListener,
  WarningLog,
} from "./launch.ts";
export type { LauncherKind } from "./launcher-program.ts";

type Options = {
  log?: WarningLog;
  /** The launcher's own environment, which every job of the same user can read: nothing by default. */
  env?: Record<string, string>;
  /** By default the native one where it was built, and the one in Node where that is missing or does not start. */
  kind?: LauncherKind | undefined;
};

/** Starts a launcher process. Throws `internal` when none comes up. */
export async function startLauncher(options: Options = {}): Promise<Launcher> {
  const { log, env = {}, kind } = options;
  const native = kind === "node" ? undefined : nativeLauncher();
  if (native !== undefined) {
    try {
      return await connectLauncher(native, { log, env });
    } catch (error) {
      if (kind === "native") throw error;
      log?.warn({ error }, "the native launcher does not start here; the one in Node is used");
    }
  } else if (kind === "native") {
    throw new MillraceError(
      "internal",
      "The native launcher was not built. Install a C compiler and run `npm run build`, or ask for the node one.",
    );
  }
  return connectLauncher(NODE_LAUNCHER, { log, env });
}
