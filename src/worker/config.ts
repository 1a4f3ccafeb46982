// The worker's configuration: one pure read of flags and environment that names every problem at once.
import { availableParallelism, hostname } from "node:os";
import { join, resolve } from "node:path";

import type { Labels } from "../shared/constraints.ts";
import { parseDuration } from "../shared/durations.ts";
import { MillraceError } from "../shared/errors.ts";
import { defaultDataDir } from "../shared/io/config.ts";
import { LOG_LEVELS, type LogLevel } from "../shared/io/log.ts";
import { isLabelKey, isName, isPrefix } from "../shared/names.ts";
import { DEFAULT_PREFIX } from "../shared/subjects.ts";
import { allowedEnvironment } from "./command/environment.ts";
import type { HealthAddress } from "./health.ts";
import type { LauncherKind } from "./launcher/launcher.ts";

export type WorkerConfig = {
  natsUrl: string;
  prefix: string;
  /** First part of the worker's id. */
  name: string;
  slots: number;
  labels: Labels;
  handlersDir?: string;
  /** Work directories of attempts. */
  workRoot: string;
  /** Output that waits for the broker. */
  spoolRoot: string;
  drainTimeoutMs: number;
  /** Where /healthz, /readyz and /metrics answer; nowhere by default. */
  health?: HealthAddress;
  logLevel: LogLevel;
  /** Which launcher starts the programs; the native one where it is built, unless told. */
  launcher?: LauncherKind | undefined;
  /** Variables of the worker that its jobs get. */
  baseEnv: Record<string, string>;
};

/** Command-line options; each wins over its variable. */
export type WorkerFlags = {
  /** NATS_URL; default nats://127.0.0.1:4222. */
  nats?: string;
  /** MILLRACE_PREFIX; default mr. */
  prefix?: string;
  /** MILLRACE_WORKER_NAME; default the host's name. */
  name?: string;
  /** MILLRACE_SLOTS; default one per processor. */
  slots?: string;
  /** key=value each; MILLRACE_LABELS holds them comma-separated. */
  label?: readonly string[];
  /** MILLRACE_HANDLERS. */
  handlers?: string;
  /** MILLRACE_WORK_ROOT. */
  workRoot?: string;
  /** MILLRACE_SPOOL_ROOT. */
  spoolRoot?: string;
  /** MILLRACE_DRAIN_TIMEOUT; default 2m. */
  drainTimeout?: string;
  /** MILLRACE_METRICS_PORT; none by default. */
  metricsPort?: string;
  /** MILLRACE_METRICS_HOST; default 127.0.0.1. */
  metricsHost?: string;
  /** MILLRACE_LOG_LEVEL; default info. */
  logLevel?: string;
  /** Names of further variables that jobs get; MILLRACE_ALLOW_ENV holds them comma-separated. */
  allowEnv?: readonly string[];
};

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_SLOTS = 10_000;
const MAX_DRAIN_MS = 86_400_000;

/** Throws `invalid_config` that lists everything that is wrong. */
export function readWorkerConfig(
  env: Environment = process.env,
  flags: WorkerFlags = {},
): WorkerConfig {
  const problems: string[] = [];
  const complain = (condition: boolean, problem: string): void => {
    if (!condition) problems.push(problem);
  };

  /** What an option says, else its variable, else the default; empty variables count as not set. */
  const setting = (flag: string | undefined, variable: string, otherwise: string): string =>
    flag ?? (env[variable] || otherwise);

  const prefix = setting(flags.prefix, "MILLRACE_PREFIX", DEFAULT_PREFIX);
  complain(isPrefix(prefix), `--prefix "${prefix}" must be 1-16 lower-case letters and digits`);

  const name = setting(flags.name, "MILLRACE_WORKER_NAME", nameOfHost(hostname()));
  complain(isName(name), `--name "${name}" must be 1-64 letters, digits, - or _`);

  const slots = wholeNumber(setting(flags.slots, "MILLRACE_SLOTS", String(availableParallelism())));
  complain(
    slots >= 1 && slots <= MAX_SLOTS,
    `--slots must be a whole number from 1 to ${MAX_SLOTS}`,
  );

  const drainTimeoutMs =
    parseDuration(setting(flags.drainTimeout, "MILLRACE_DRAIN_TIMEOUT", "2m")) ?? Infinity;
  complain(
    drainTimeoutMs <= MAX_DRAIN_MS,
    '--drain-timeout must be a duration up to "24h", as "2m"',
  );

  const logLevel = setting(flags.logLevel, "MILLRACE_LOG_LEVEL", "info");
  complain(isLogLevel(logLevel), `--log-level must be one of ${LOG_LEVELS.join(", ")}`);

  const launcher = launcherIn(env["MILLRACE_LAUNCHER"] || undefined, problems);
  const labels = labelsIn(flags.label ?? listIn(env["MILLRACE_LABELS"]), problems);
  const health = healthIn(
    setting(flags.metricsHost, "MILLRACE_METRICS_HOST", "127.0.0.1"),
    setting(flags.metricsPort, "MILLRACE_METRICS_PORT", ""),
    problems,
  );
  const handlersDir = setting(flags.handlers, "MILLRACE_HANDLERS", "");
  const root = join(defaultDataDir(env), "worker");

  if (problems.length > 0)
    throw new MillraceError("invalid_config", `The worker cannot start: ${problems.join("; ")}.`);
  return {
    natsUrl: setting(flags.nats, "NATS_URL", "nats://127.0.0.1:4222"),
    prefix,
    name,
    slots,
    labels,
    workRoot: resolve(setting(flags.workRoot, "MILLRACE_WORK_ROOT", join(root, "work"))),
    spoolRoot: resolve(setting(flags.spoolRoot, "MILLRACE_SPOOL_ROOT", join(root, "spool"))),
    drainTimeoutMs,
    logLevel: logLevel as LogLevel,
    launcher,
    baseEnv: jobVariables(env, flags.allowEnv ?? listIn(env["MILLRACE_ALLOW_ENV"])),
    ...(handlersDir === "" ? {} : { handlersDir: resolve(handlersDir) }),
    ...(health === undefined ? {} : { health }),
  };
}

/** What a host's name leaves of itself as a name for a worker. */
export function nameOfHost(host: string): string {
  const cleaned = host.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64);
  return cleaned.replace(/^[-_]+|[-_]+$/g, "") || "worker";
}

const isLogLevel = (text: string): boolean => (LOG_LEVELS as readonly string[]).includes(text);
const wholeNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : NaN);
const listIn = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

function labelsIn(texts: readonly string[], problems: string[]): Labels {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const [key = "", ...rest] = text.split("=");
    if (rest.length === 0 || !isLabelKey(key) || text.length > 320)
      problems.push(`--label "${text}" must be key=value`);
    else labels[key] = rest.join("=");
  }
  return labels;
}

function healthIn(host: string, port: string, problems: string[]): HealthAddress | undefined {
  if (port === "") return undefined;
  if (wholeNumber(port) <= 65_535) return { host, port: Number(port) };
  problems.push("--metrics-port must be a whole number from 0 to 65535");
  return undefined;
}

function launcherIn(kind: string | undefined, problems: string[]): LauncherKind | undefined {
  if (kind === undefined || kind === "native" || kind === "node") return kind;
  problems.push("MILLRACE_LAUNCHER must be native or node");
  return undefined;
}

function jobVariables(env: Environment, further: readonly string[]): Record<string, string> {
  const variables = allowedEnvironment(env);
  for (const name of further) if (env[name] !== undefined) variables[name] = env[name];
  return variables;
}
