// What the command line reads from the environment.
import { join } from "node:path";

import { defaultDataDir } from "../shared/io/config.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT = 7070;

export type CliConfig = {
  /** Server to talk to, when the environment names one. */
  url: string | undefined;
  /** Where a server is looked for on this machine, and where `dev` starts one. */
  port: number;
  natsUrl: string | undefined;
  prefix: string | undefined;
  /** Below it, `dev` and `run` keep their own installations. */
  stateDir: string;
  /** False when the environment asks for plain text. */
  colors: boolean;
  /** For variables that are handed on to a job by name. */
  env: Environment;
};

export function readCliConfig(env: Environment = process.env): CliConfig {
  return {
    url: env["MILLRACE_URL"] || undefined,
    port: Number(env["MILLRACE_PORT"] || DEFAULT_PORT),
    natsUrl: env["NATS_URL"] || undefined,
    prefix: env["MILLRACE_PREFIX"] || undefined,
    stateDir: env["MILLRACE_DATA_DIR"] || defaultDataDir(env),
    colors: !env["NO_COLOR"] && env["TERM"] !== "dumb",
    env,
  };
}

/** Where `millrace dev` keeps its installation unless told. */
export const devDir = (stateDir: string): string => join(stateDir, "dev");
/** Where a `millrace run` that finds no server keeps its own. */
export const runDir = (stateDir: string): string => join(stateDir, "run");
