// What a command job gets here, once the policy has agreed to it.
import type { JobSpec } from "../../shared/spec.ts";
import type { Limits } from "../launcher/protocol.ts";
import { tighter, type Policy } from "./policy.ts";
import { admitProgram } from "./program.ts";
import { fetchSecrets } from "./secrets.ts";

export type Permit = { argv: string[]; secrets: Record<string, string>; limits: Limits };

/** `path` is where the worker itself finds programs. */
export async function permit(
  spec: JobSpec,
  argv: readonly string[],
  policy: Policy,
  path: string,
): Promise<Permit | { refused: string }> {
  const admitted = await admitProgram(spec, argv, policy, path);
  if ("refused" in admitted) return admitted;
  const secrets = await fetchSecrets(spec, policy);
  if ("refused" in secrets) return secrets;
  return {
    argv: admitted.argv,
    secrets: secrets.env,
    limits: tighter(spec.limits, policy.limits),
  };
}
