// What a signed spec vouches for: the text that is signed, the same for signer and worker.
import { canonical } from "./canonical.ts";
import type { JobSpec } from "./spec.ts";

/** What a job runs. Where and when it runs is not signed, so that defaults of a queue may still be filled in. */
const SIGNED = [
  "command",
  "shell",
  "script",
  "interpreter",
  "args",
  "handler",
  "input",
  "env",
  "cwd",
  "stdin",
  "bundle",
  "secrets",
  "limits",
] as const satisfies (keyof JobSpec)[];

/** The text that `by` signs; it holds until the instant `until`. */
export function signedText(spec: JobSpec, by: string, until: string): string {
  const what = Object.fromEntries(SIGNED.map((field) => [field, spec[field]]));
  return canonical({ by, until, what });
}
