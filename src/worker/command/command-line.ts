// The argument list that a spec stands for.
import type { JobSpec } from "../../shared/spec.ts";

const SHELL = "/bin/sh";

/** `script` is the path of the file that holds the spec's script. */
export function commandLine(spec: JobSpec, script: string): string[] {
  const { command = [], args = [] } = spec;
  if (spec.script !== undefined) return [...interpreter(spec), script, ...args];
  return spec.shell ? [SHELL, "-c", ...command] : command;
}

/** A script with a #! line names its own. */
function interpreter(spec: JobSpec): string[] {
  return spec.interpreter ?? (spec.script?.startsWith("#!") ? [] : [SHELL]);
}
