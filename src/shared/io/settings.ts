// Reads a role's options and their variables, and gathers every problem, so that one start tells them all.
import { MillraceError } from "../errors.ts";
import { isPrefix } from "../names.ts";
import { DEFAULT_PREFIX } from "../subjects.ts";
import { readCredentials, type BrokerCredentials, type CredentialFlags } from "./credentials.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every role can be told, each as an option or, failing that, as a variable. */
export type CommonFlags = CredentialFlags & {
  /** NATS_URL; default nats://127.0.0.1:4222. */
  nats?: string;
  /** MILLRACE_PREFIX; default mr. */
  prefix?: string;
  /** MILLRACE_LOG_LEVEL; default info. */
  logLevel?: string;
};

export type CommonConfig = {
  natsUrl: string;
  credentials?: BrokerCredentials;
  prefix: string;
  logLevel: LogLevel;
};

export type Settings = {
  /** What the option says, else its variable, else the default; an empty variable counts as not set. */
  text(flag: string | undefined, variable: string, otherwise: string): string;
  /** The items of an option that may be given often, or of its comma-separated variable. */
  list(flags: readonly string[] | undefined, variable: string): readonly string[];
  /** Remembers the problem unless the condition holds. */
  require(condition: boolean, problem: string): void;
  common(flags: CommonFlags): CommonConfig;
  /** Throws `invalid_config` that lists everything that was wrong. */
  finish(): void;
};

export function readSettings(env: Environment, role: string): Settings {
  const problems: string[] = [];

  const text: Settings["text"] = (flag, variable, otherwise) =>
    flag ?? (env[variable] || otherwise);

  function require(condition: boolean, problem: string): void {
    if (!condition) problems.push(problem);
  }

  return {
    text,
    list: (flags, variable) => flags ?? itemsOf(env[variable] ?? ""),
    require,
    common(flags) {
      const prefix = text(flags.prefix, "MILLRACE_PREFIX", DEFAULT_PREFIX);
      require(isPrefix(
        prefix,
      ), `--prefix "${prefix}" must be 1-16 lower-case letters and digits, starting with a letter`);
      const logLevel = text(flags.logLevel, "MILLRACE_LOG_LEVEL", "info");
      require(isLogLevel(logLevel), `--log-level must be one of ${LOG_LEVELS.join(", ")}`);
      const credentials = readCredentials(text, flags);
      return {
        ...(credentials === undefined ? {} : { credentials }),
        natsUrl: text(flags.nats, "NATS_URL", "nats://127.0.0.1:4222"),
        prefix,
        logLevel: logLevel as LogLevel,
      };
    },
    finish() {
      if (problems.length > 0)
        throw new MillraceError(
          "invalid_config",
          `The ${role} cannot start: ${problems.join("; ")}.`,
        );
    },
  };
}

/** NaN for anything but up to nine digits. */
export const wholeNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : NaN);

const isLogLevel = (text: string): boolean => (LOG_LEVELS as readonly string[]).includes(text);

const itemsOf = (text: string): string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
