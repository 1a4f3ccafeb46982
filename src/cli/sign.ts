// Signs what a job runs, for workers that start nothing else.
import { sign } from "node:crypto";
import { readFile } from "node:fs/promises";

import { MillraceError } from "../shared/errors.ts";
import { signedText } from "../shared/signature.ts";
import type { JobSpec } from "../shared/spec.ts";

/** `key` is `<name>=<file of a private Ed25519 key in PEM>`. Throws `invalid_spec` when the key cannot be used. */
export async function signed(spec: JobSpec, key: string, forMs: number): Promise<JobSpec> {
  const [by = "", ...rest] = key.split("=");
  const file = rest.join("=");
  const until = new Date(Date.now() + forMs).toISOString();
  try {
    const text = Buffer.from(signedText(spec, by, until));
    const value = sign(null, text, await readFile(file)).toString("base64");
    return { ...spec, signature: { by, until, value } };
  } catch (cause) {
    throw new MillraceError("invalid_spec", `--sign ${key}: ${(cause as Error).message}`, {
      cause,
      field: "signature",
    });
  }
}
