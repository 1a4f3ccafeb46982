// The worker's configuration: one pure read of flags and environment that names every problem at once.
import { availableParallelism, hostname } from "node:os";
import { join, resolve } from "node:path";

import { ARTIFACT_LIMITS, type ArtifactLimits } from "../shared/artifact.ts";
import { bundleReference } from "../shared/bundle.ts";
import type { Labels } from "../shared/constraints.ts";
import { parseDuration } from "../shared/durations.ts";
import { defaultDataDir } from "../shared/io/config.ts";
import {
  readSettings,
  wholeNumber,
  type CommonConfig,
  type CommonFlags,
  type Environment,
  type Settings,
} from "../shared/io/settings.ts";
import { isLabelKey, isName } from "../shared/names.ts";
import { allowedEnvironment } from "./command/environment.ts";
import type { HealthAddress } from "./health.ts";
import type { LauncherKind } from "./launcher/launcher.ts";
import { namedNumbers } from "./named-numbers.ts";
import type { PolicyConfig } from "./policy/open-policy.ts";
import { readPolicyConfig, type PolicyFlags } from "./policy/policy-config.ts";

export type WorkerConfig = CommonConfig & {
  /** First part of the worker's id. */
  name: string;
  slots: number;
  labels: Labels;
  handlersDir?: string;
  /** Whose modules are its handlers, as "tools@stable". */
  handlersBundle?: string;
  /** Work directories of attempts. */
  workRoot: string;
  /** Bytes of unpacked bundles that are kept for the next attempts. */
  bundleCacheBytes: number;
  /** Output that waits for the broker. */
  spoolRoot: string;
  drainTimeoutMs: number;
  /** How much one attempt may leave behind; default ARTIFACT_LIMITS. */
  artifactLimits?: ArtifactLimits;
  /** Where /healthz, /readyz and /metrics answer; nowhere by default. */
  health?: HealthAddress;
  /** Which launcher starts the programs; the native one where it is built, unless told. */
  launcher?: LauncherKind | undefined;
  policy: PolicyConfig;
  /** Variables of the worker that its jobs get. */
  baseEnv: Record<string, string>;
};

/** Command-line options; each wins over its variable. */
export type WorkerFlags = CommonFlags & {
  /** MILLRACE_WORKER_NAME; default the host's name. */
  name?: string;
  /** MILLRACE_SLOTS; default one per processor. */
  slots?: string;
  /** key=value each; MILLRACE_LABELS holds them comma-separated. */
  label?: readonly string[];
  /** MILLRACE_HANDLERS. */
  handlers?: string;
  /** MILLRACE_HANDLERS_BUNDLE. */
  handlersBundle?: string;
  /** MILLRACE_WORK_ROOT. */
  workRoot?: string;
  /** MILLRACE_BUNDLE_CACHE_BYTES; default 10 GiB. */
  bundleCacheBytes?: string;
  /** MILLRACE_SPOOL_ROOT. */
  spoolRoot?: string;
  /** MILLRACE_DRAIN_TIMEOUT; default 2m. */
  drainTimeout?: string;
  /** name=value each, names of ARTIFACT_LIMITS; MILLRACE_ARTIFACT_LIMITS holds them comma-separated. */
  artifactLimit?: readonly string[];
  /** MILLRACE_METRICS_PORT; none by default. */
  metricsPort?: string;
  /** MILLRACE_METRICS_HOST; default 127.0.0.1. */
  metricsHost?: string;
  /** Names of further variables that jobs get; MILLRACE_ALLOW_ENV holds them comma-separated. */
  allowEnv?: readonly string[];
} & PolicyFlags;

const ARTIFACT_LIMIT_NAMES = Object.keys(ARTIFACT_LIMITS) as (keyof ArtifactLimits)[];
const MAX_SLOTS = 10_000;
/** 10 GiB. */
const CACHE = String(10 * 2 ** 30);
const MAX_DRAIN_MS = 86_400_000;

/** Throws `invalid_config` that lists everything that is wrong. */
export function readWorkerConfig(
  env: Environment = process.env,
  flags: WorkerFlags = {},
): WorkerConfig {
  const settings = readSettings(env, "worker");
  const common = settings.common(flags);

  const name = settings.text(flags.name, "MILLRACE_WORKER_NAME", nameOfHost(hostname()));
  settings.require(isName(name), `--name "${name}" must be 1-64 letters, digits, - or _`);

  const slots = wholeNumber(
    settings.text(flags.slots, "MILLRACE_SLOTS", String(availableParallelism())),
  );
  settings.require(
    slots >= 1 && slots <= MAX_SLOTS,
    `--slots must be a whole number from 1 to ${MAX_SLOTS}`,
  );

  const drainTimeoutMs =
    parseDuration(settings.text(flags.drainTimeout, "MILLRACE_DRAIN_TIMEOUT", "2m")) ?? Infinity;
  settings.require(
    drainTimeoutMs <= MAX_DRAIN_MS,
    '--drain-timeout must be a duration up to "24h", as "2m"',
  );

  const cacheBytes = settings.text(flags.bundleCacheBytes, "MILLRACE_BUNDLE_CACHE_BYTES", CACHE);
  settings.require(
    /^\d{1,15}$/.test(cacheBytes),
    "--bundle-cache-bytes must be a whole number of bytes",
  );

  const launcher = launcherIn(env["MILLRACE_LAUNCHER"] || undefined, settings);
  const labels = labelsIn(settings.list(flags.label, "MILLRACE_LABELS"), settings);
  const health = healthIn(
    settings.text(flags.metricsHost, "MILLRACE_METRICS_HOST", "127.0.0.1"),
    settings.text(flags.metricsPort, "MILLRACE_METRICS_PORT", ""),
    settings,
  );
  const handlersDir = settings.text(flags.handlers, "MILLRACE_HANDLERS", "");
  const handlersBundle = settings.text(flags.handlersBundle, "MILLRACE_HANDLERS_BUNDLE", "");
  settings.require(
    handlersBundle === "" || bundleReference.safeParse(handlersBundle).success,
    '--handlers-bundle must be a bundle, as "tools@stable"',
  );
  settings.require(
    handlersDir === "" || handlersBundle === "",
    "give --handlers or --handlers-bundle, not both",
  );
  const root = join(defaultDataDir(env), "worker");

  const policy = readPolicyConfig(env, flags, settings);
  const artifactLimits = {
    ...ARTIFACT_LIMITS,
    ...namedNumbers(
      settings.list(flags.artifactLimit, "MILLRACE_ARTIFACT_LIMITS"),
      { option: "--artifact-limit", names: ARTIFACT_LIMIT_NAMES, least: 0 },
      settings,
    ),
  };

  settings.finish();
  return {
    ...common,
    name,
    slots,
    labels,
    workRoot: resolve(settings.text(flags.workRoot, "MILLRACE_WORK_ROOT", join(root, "work"))),
    spoolRoot: resolve(settings.text(flags.spoolRoot, "MILLRACE_SPOOL_ROOT", join(root, "spool"))),
    drainTimeoutMs,
    artifactLimits,
    bundleCacheBytes: Number(cacheBytes),
    launcher,
    policy,
    baseEnv: jobVariables(env, settings.list(flags.allowEnv, "MILLRACE_ALLOW_ENV")),
    ...(handlersBundle === "" ? {} : { handlersBundle }),
    ...(handlersDir === "" ? {} : { handlersDir: resolve(handlersDir) }),
    ...(health === undefined ? {} : { health }),
  };
}

/** What a host's name leaves of itself as a name for a worker. */
export function nameOfHost(host: string): string {
  const cleaned = host.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64);
  return cleaned.replace(/^[-_]+|[-_]+$/g, "") || "worker";
}

function labelsIn(texts: readonly string[], settings: Settings): Labels {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const [key = "", ...rest] = text.split("=");
    const isLabel = rest.length > 0 && isLabelKey(key) && text.length <= 320;
    settings.require(isLabel, `--label "${text}" must be key=value`);
    if (isLabel) labels[key] = rest.join("=");
  }
  return labels;
}

function healthIn(host: string, port: string, settings: Settings): HealthAddress | undefined {
  if (port === "") return undefined;
  settings.require(
    wholeNumber(port) <= 65_535,
    "--metrics-port must be a whole number from 0 to 65535",
  );
  return { host, port: Number(port) };
}

function launcherIn(kind: string | undefined, settings: Settings): LauncherKind | undefined {
  if (kind === undefined || kind === "native" || kind === "node") return kind;
  settings.require(false, "MILLRACE_LAUNCHER must be native or node");
  return undefined;
}

function jobVariables(env: Environment, further: readonly string[]): Record<string, string> {
  const variables = allowedEnvironment(env);
  for (const name of further) if (env[name] !== undefined) variables[name] = env[name];
  return variables;
}
