// Stands where a worker keeps its launcher, of workers whose jobs are all handlers.
import { aborted } from "../../src/shared/io/lifecycle.ts";
import type { LauncherKeeper } from "../../src/worker/launcher-keeper.ts";

export const NO_LAUNCHER: LauncherKeeper = {
  name: "launcher",
  current() {
    throw new Error("These workers run no programs.");
  },
  ready: () => Promise.resolve(),
  run: aborted,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
