// Whether somebody whom the worker trusts asked for what a job runs.
import { verify } from "node:crypto";

import { signedText } from "../../shared/signature.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Policy } from "./policy.ts";

/** Why the spec does not count as signed; undefined when it does, or need not. `now`: epoch ms. Pure. */
export function signatureProblem(
  spec: JobSpec,
  { signers }: Pick<Policy, "signers">,
  now: number,
): string | undefined {
  if (signers === undefined) return undefined;
  const { signature } = spec;
  if (signature === undefined)
    return "this worker runs only what is signed; see millrace submit --sign";
  const { by, until, value } = signature;
  const key = signers.get(by);
  if (key === undefined) return `this worker does not know the signer ${by}`;
  if (Date.parse(until) < now) return `the signature of ${by} held until ${until}; sign it again`;
  const text = Buffer.from(signedText(spec, by, until));
  if (verify(null, text, key, Buffer.from(value, "base64"))) return undefined;
  return `what it runs is not what ${by} signed`;
}
