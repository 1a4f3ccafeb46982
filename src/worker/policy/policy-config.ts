// The options of a worker that say what may run on it.
import { resolve } from "node:path";

import { isName } from "../../shared/names.ts";
import type { Environment, Settings } from "../../shared/io/settings.ts";
import { LIMITS } from "../launcher/protocol.ts";
import { namedNumbers } from "../named-numbers.ts";
import type { PolicyConfig } from "./open-policy.ts";

/** Command-line options; each wins over its variable, where lists are comma-separated. */
export type PolicyFlags = {
  /** MILLRACE_JOBS_DIR. */
  jobsDir?: string;
  /** MILLRACE_ALLOW. */
  allow?: readonly string[];
  /** MILLRACE_RUN_AS. */
  runAs?: string;
  /** name=value each, names of LIMITS; MILLRACE_LIMITS. */
  limit?: readonly string[];
  /** MILLRACE_SECRETS_DIR. */
  secretsDir?: string;
  /** Names of variables; MILLRACE_SECRET_ENV. */
  secretEnv?: readonly string[];
  /** name=file each; MILLRACE_SIGNERS. */
  signer?: readonly string[];
};

export function readPolicyConfig(
  env: Environment,
  flags: PolicyFlags,
  settings: Settings,
): PolicyConfig {
  const jobsDir = settings.text(flags.jobsDir, "MILLRACE_JOBS_DIR", "");
  const secretsDir = settings.text(flags.secretsDir, "MILLRACE_SECRETS_DIR", "");
  const runAs = settings.text(flags.runAs, "MILLRACE_RUN_AS", "");
  return {
    allow: settings.list(flags.allow, "MILLRACE_ALLOW"),
    limits: namedNumbers(
      settings.list(flags.limit, "MILLRACE_LIMITS"),
      { option: "--limit", names: LIMITS, least: 1 },
      settings,
    ),
    secretEnv: named(settings.list(flags.secretEnv, "MILLRACE_SECRET_ENV"), env),
    signers: signersIn(settings.list(flags.signer, "MILLRACE_SIGNERS"), settings),
    ...(jobsDir === "" ? {} : { jobsDir: resolve(jobsDir) }),
    ...(secretsDir === "" ? {} : { secretsDir: resolve(secretsDir) }),
    ...(runAs === "" ? {} : { runAs }),
  };
}

function signersIn(texts: readonly string[], settings: Settings): Record<string, string> {
  const signers: Record<string, string> = {};
  for (const text of texts) {
    const [name = "", ...rest] = text.split("=");
    const file = rest.join("=");
    const isSound = isName(name) && file !== "";
    settings.require(isSound, `--signer "${text}" must be name=file`);
    if (isSound) signers[name] = resolve(file);
  }
  return signers;
}

/** What is not set stays out. */
function named(names: readonly string[], env: Environment): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}
