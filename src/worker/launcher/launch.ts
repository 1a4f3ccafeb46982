// What it means to run a program through the launcher: what is asked, what can be done meanwhile, how it ends.
import type { LauncherKind } from "./launcher-program.ts";
import type { SpawnRequest } from "./protocol.ts";

export type Channel = "stdout" | "stderr";

/** A promise holds the program back: no more than a bounded window of output is on its way until it settles. */
export type OutputListener = (channel: Channel, bytes: Uint8Array) => void | Promise<void>;

/** What to run. `argv[0]` is looked up along PATH of `env`; `tag` is `<job>.<attempt>`; `graceMs` lies between TERM and KILL. */
export type LaunchSpec = SpawnRequest;

export type LaunchExit = (
  | { kind: "exited"; code: number }
  | { kind: "signalled"; signal: string }
  | { kind: "spawn_failed"; code: string; reason: string }
  /** The launcher died; everything of the attempt was killed. */
  | { kind: "lost"; reason: string }
) & {
  /** Epoch milliseconds. */
  finishedAt: number;
  /** True when `stop` or `kill` came before the program had ended by itself. */
  stopped: boolean;
  usage?: { cpuMs?: number; maxRssKb?: number };
  /** Processes that had left the attempt's group and were killed with it. */
  strays?: number;
};

export type Launched = {
  /** Never rejects; stays open when the program could not be started, which `exit` tells. `at`: epoch milliseconds. */
  readonly started: Promise<{ pid: number; at: number }>;
  /** One listener, to be set in the same turn as `launch`. */
  onOutput(listener: OutputListener): void;
  /** TERM to the whole tree, KILL after the grace time. Repeating changes nothing. */
  stop(): void;
  kill(): void;
  /** Never rejects. Resolves when the program has ended, its output is consumed and whatever it left behind is killed. */
  readonly exit: Promise<LaunchExit>;
};

/** Disposing kills what still runs. */
export type Launcher = AsyncDisposable & {
  readonly kind: LauncherKind;
  readonly pid: number;
  /** Resolves when the launcher process has ended, for whatever reason; its attempts then end as `lost`. */
  readonly closed: Promise<void>;
  launch(spec: LaunchSpec): Launched;
};

/** Where to report what nobody waits for; a pino logger fits. */
export type WarningLog = { warn(facts: object, message: string): void };
