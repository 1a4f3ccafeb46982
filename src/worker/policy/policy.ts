// What the operator of a worker allows: which programs and functions may run here, as whom, and with what.
import type { KeyObject } from "node:crypto";

import type { JobSpec } from "../../shared/spec.ts";
import { LIMITS, type Limits, type User } from "../launcher/protocol.ts";

export type Policy = {
  /** The only directory whose files may run; absent: anything may. */
  jobsDir?: string;
  /** The only programs that may run, as names on the worker's own PATH or absolute paths; absent: all. */
  allow?: readonly string[];
  /** Whose rights programs have; absent: the worker's. */
  user?: User;
  /** Ceilings: a job may ask for less, and gets this where it asks for nothing. */
  limits: Limits;
  /** Directory of secrets, one file each. */
  secretsDir?: string;
  /** Variables of the worker that jobs may have as secrets. */
  secretEnv: Readonly<Record<string, string>>;
  /** Keys by the name of who signs; absent: nothing need be signed. */
  signers?: ReadonlyMap<string, KeyObject>;
};

/** Everything may run, with the worker's own rights. */
export const OPEN_POLICY: Policy = { limits: {}, secretEnv: {} };

/** The tighter of two limits each. */
export function tighter(wanted: JobSpec["limits"], ceiling: Limits): Limits {
  const limits: Limits = { ...ceiling };
  for (const name of LIMITS) {
    const value = wanted?.[name];
    if (value !== undefined) limits[name] = Math.min(value, ceiling[name] ?? Infinity);
  }
  return limits;
}
