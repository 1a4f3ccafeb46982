// Fetches the secrets that a job names from where the worker keeps them.
import { readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { JobSpec } from "../../shared/spec.ts";
import type { Policy } from "./policy.ts";

export type Secrets = { env: Record<string, string> } | { refused: string };

/** Shorter ones would be masked wherever they occur by chance. */
const MIN_LENGTH = 6;

/** The variables with their values; refused with the reference, never with a value. */
export async function fetchSecrets(
  spec: Pick<JobSpec, "secrets">,
  policy: Pick<Policy, "secretsDir" | "secretEnv">,
): Promise<Secrets> {
  const env: Record<string, string> = {};
  for (const [variable, reference] of Object.entries(spec.secrets ?? {})) {
    const value = await valueOf(reference, policy);
    if (value === undefined) return { refused: `the worker has no secret ${reference}` };
    if (value.length < MIN_LENGTH)
      return { refused: `the secret ${reference} is too short to be kept out of the output` };
    env[variable] = value;
  }
  return { env };
}

async function valueOf(
  reference: string,
  { secretsDir, secretEnv }: Pick<Policy, "secretsDir" | "secretEnv">,
): Promise<string | undefined> {
  const [kind, name = ""] = reference.split(":", 2);
  if (kind === "env") return Object.hasOwn(secretEnv, name) ? secretEnv[name] : undefined;
  return secretsDir === undefined ? undefined : fileIn(secretsDir, name);
}

/** A link may lead to another file of the directory only; a line break at the end is not part of the secret. */
async function fileIn(directory: string, name: string): Promise<string | undefined> {
  try {
    const root = await realpath(directory);
    const file = await realpath(join(root, name));
    if (dirname(file) !== root) return undefined;
    const text = (await readFile(file, "utf8")).replace(/\r?\n$/, "");
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
