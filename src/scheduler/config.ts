// The scheduler's configuration: one pure read of flags and environment that names every problem at once.
import { parseDuration } from "../shared/durations.ts";
import { MillraceError } from "../shared/errors.ts";
import { LOG_LEVELS, type LogLevel } from "../shared/io/log.ts";
import { isPrefix } from "../shared/names.ts";
import { DEFAULT_PREFIX } from "../shared/subjects.ts";

export type SchedulerConfig = {
  natsUrl: string;
  prefix: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /** Copies of every stream, where they are still to be made. */
  replicas: 1 | 3 | 5;
  /** Length of the leader's lease; absent: 3 s on one broker, 15 s where an election of the brokers must fit in. */
  leaseMs?: number;
  logLevel: LogLevel;
};

/** Command-line options; each wins over its variable. */
export type SchedulerFlags = {
  /** NATS_URL; default nats://127.0.0.1:4222. */
  nats?: string;
  /** MILLRACE_PREFIX; default mr. */
  prefix?: string;
  /** MILLRACE_HOST; default 127.0.0.1. */
  host?: string;
  /** MILLRACE_PORT; default 7070. */
  port?: string;
  /** MILLRACE_REPLICAS; default 1. */
  replicas?: string;
  /** MILLRACE_LEASE. */
  lease?: string;
  /** MILLRACE_LOG_LEVEL; default info. */
  logLevel?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `invalid_config` that lists everything that is wrong. */
export function readSchedulerConfig(
  env: Environment = process.env,
  flags: SchedulerFlags = {},
): SchedulerConfig {
  const problems: string[] = [];
  const complain = (condition: boolean, problem: string): void => {
    if (!condition) problems.push(problem);
  };

  /** What an option says, else its variable, else the default; empty variables count as not set. */
  const setting = (flag: string | undefined, variable: string, otherwise: string): string =>
    flag ?? (env[variable] || otherwise);

  const prefix = setting(flags.prefix, "MILLRACE_PREFIX", DEFAULT_PREFIX);
  complain(
    isPrefix(prefix),
    `--prefix "${prefix}" must be 1-16 lower-case letters and digits, starting with a letter`,
  );

  const port = wholeNumber(setting(flags.port, "MILLRACE_PORT", "7070"));
  complain(port <= 65_535, "--port must be a whole number from 0 to 65535");

  const replicas = wholeNumber(setting(flags.replicas, "MILLRACE_REPLICAS", "1"));
  complain(replicas === 1 || replicas === 3 || replicas === 5, "--replicas must be 1, 3 or 5");

  const lease = setting(flags.lease, "MILLRACE_LEASE", "");
  const leaseMs = lease === "" ? undefined : (parseDuration(lease) ?? NaN);
  complain(
    leaseMs === undefined || (leaseMs >= 1_000 && leaseMs <= 60_000 && leaseMs % 1_000 === 0),
    '--lease must be whole seconds from "1s" to "60s"',
  );

  const logLevel = setting(flags.logLevel, "MILLRACE_LOG_LEVEL", "info");
  complain(
    (LOG_LEVELS as readonly string[]).includes(logLevel),
    `--log-level must be one of ${LOG_LEVELS.join(", ")}`,
  );

  if (problems.length > 0)
    throw new MillraceError(
      "invalid_config",
      `The scheduler cannot start: ${problems.join("; ")}.`,
    );
  return {
    natsUrl: setting(flags.nats, "NATS_URL", "nats://127.0.0.1:4222"),
    prefix,
    host: setting(flags.host, "MILLRACE_HOST", "127.0.0.1"),
    port,
    replicas: replicas as SchedulerConfig["replicas"],
    logLevel: logLevel as LogLevel,
    ...(leaseMs === undefined ? {} : { leaseMs }),
  };
}

const wholeNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : NaN);
