// The scheduler's configuration: one pure read of flags and environment that names every problem at once.
import { parseDuration } from "../shared/durations.ts";
import {
  readSettings,
  wholeNumber,
  type CommonConfig,
  type CommonFlags,
  type Environment,
} from "../shared/io/settings.ts";
import { readAuth, type AuthFlags, type AuthSettings } from "./auth/settings.ts";

export type SchedulerConfig = CommonConfig & {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Where others reach it, for the lease to show; absent: what it listens on. */
  advertiseUrl?: string;
  /** Copies of every stream, where they are still to be made. */
  replicas: 1 | 3 | 5;
  /** Length of the leader's lease; absent: 3 s on one broker, 15 s where an election of the brokers must fit in. */
  leaseMs?: number;
  /** Webhooks may lead to addresses inside the network. */
  webhooksInside: boolean;
  auth: AuthSettings;
};

/** Command-line options; each wins over its variable. */
export type SchedulerFlags = CommonFlags &
  AuthFlags & {
    /** MILLRACE_HOST; default 127.0.0.1. */
    host?: string;
    /** MILLRACE_PORT; default 7070. */
    port?: string;
    /** MILLRACE_ADVERTISE_URL; default: where it listens, by the host's name when that is every address. */
    advertiseUrl?: string;
    /** MILLRACE_REPLICAS; default 1. */
    replicas?: string;
    /** MILLRACE_LEASE. */
    lease?: string;
    /** MILLRACE_WEBHOOKS_INSIDE=true; default no. */
    webhooksInside?: boolean;
  };

/** Throws `invalid_config` that lists everything that is wrong. */
export function readSchedulerConfig(
  env: Environment = process.env,
  flags: SchedulerFlags = {},
): SchedulerConfig {
  const settings = readSettings(env, "scheduler");
  const common = settings.common(flags);

  const port = wholeNumber(settings.text(flags.port, "MILLRACE_PORT", "7070"));
  settings.require(port <= 65_535, "--port must be a whole number from 0 to 65535");

  const advertiseUrl = settings.text(flags.advertiseUrl, "MILLRACE_ADVERTISE_URL", "");
  settings.require(
    advertiseUrl === "" || isHttpUrl(advertiseUrl),
    "--advertise-url must be a URL such as http://scheduler-1:7070",
  );

  const replicas = wholeNumber(settings.text(flags.replicas, "MILLRACE_REPLICAS", "1"));
  settings.require(
    replicas === 1 || replicas === 3 || replicas === 5,
    "--replicas must be 1, 3 or 5",
  );

  const leaseMs = durationOf(settings.text(flags.lease, "MILLRACE_LEASE", ""));
  settings.require(
    leaseMs === undefined || isLease(leaseMs),
    '--lease must be whole seconds from "1s" to "60s"',
  );

  const inside = settings.text(undefined, "MILLRACE_WEBHOOKS_INSIDE", "false");
  settings.require(
    inside === "true" || inside === "false",
    "MILLRACE_WEBHOOKS_INSIDE must be true or false",
  );

  const host = settings.text(flags.host, "MILLRACE_HOST", "127.0.0.1");
  const auth = readAuth(settings, flags, host);

  settings.finish();
  return {
    ...common,
    host,
    auth,
    port,
    replicas: replicas as SchedulerConfig["replicas"],
    webhooksInside: flags.webhooksInside ?? inside === "true",
    ...(advertiseUrl === "" ? {} : { advertiseUrl }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
  };
}

const durationOf = (text: string): number | undefined =>
  text === "" ? undefined : (parseDuration(text) ?? NaN);

const isLease = (ms: number): boolean => ms >= 1_000 && ms <= 60_000 && ms % 1_000 === 0;

const isHttpUrl = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);
